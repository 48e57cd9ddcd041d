"""Texts over the wire, as the clients that people have send them: OpenAI's, LangChain's, Triton's."""

from __future__ import annotations

import contextlib
import json
import os
import random
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Dict, Iterator, List, Optional

import httpx
import numpy
import pytest
import tritonclient.http as triton
from support import asking, texts
from support.colours import picture
from support.server import PATIENCE_S, Server, python_environment, serving, until, write_config
from tritonclient.utils import InferenceServerException

pytest.importorskip("torch", reason="this Python has no torch; the real models are tested on the other one")
openai = pytest.importorskip("openai", reason="the clients are locked for the other Python alone")
import tiktoken.registry  # noqa: E402
from langchain_openai import OpenAIEmbeddings  # noqa: E402
from support.published import built, vectors  # noqa: E402

from hotpath.building.build import build  # noqa: E402
from hotpath.models.built import BuiltModel  # noqa: E402

pytestmark = pytest.mark.one_python

KEY = "texts-" + "t" * 32
JSON, PLAIN = "application/json", "text/plain"
FOOD = ["A man is eating food.", "A man is eating a piece of bread.", "A monkey is playing drums."]
MOST = 4
"""In a batch, and items of a request at once: no more, for an engine's warm-up asks every length and size."""
PLACES = 40
"""That the first model finds: all of limits.queue but what is kept for the three others."""


@pytest.fixture(scope="module")
def minilm() -> BuiltModel:
    return built("minilm_l6")


@pytest.fixture(scope="module")
def config(minilm: BuiltModel, fast_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four models; the last refuses what is too long."""
    directory = tmp_path_factory.mktemp("texts")
    keys = directory / "keys.toml"
    keys.write_text(f'[texts]\nkey = "{KEY}"\n')
    keys.chmod(0o600)
    settings = [f"max_length = {texts.BOUND}", 'too_long = "refuse"']
    tiny = build(
        texts.write_source(directory / "tiny", texts.PROBES, settings=settings), directory / "models"
    )[0]
    more: List[Dict[str, Any]] = [
        {"name": "movie_sentiment", "path": built("movie_sentiment").directory},
        {"name": "colours", "path": fast_model, "backend": "numeric"},
        {"name": "tiny", "path": tiny.directory},
    ]
    return write_config(
        directory / "hotpath.toml",
        minilm.directory,
        "torchscript",
        "minilm_l6",
        more=[{"threads": 1, **entry} for entry in more],
        batching={"max_batch": MOST},
        limits={"queue": 64, "request_timeout_s": 1000.0},
        auth={"keys": keys},
    )


@pytest.fixture(scope="module")
def server(config: Path) -> Iterator[Server]:
    with serving(config) as running:
        yield running
        assert not [line for line in running.log if "Traceback" in line or "unexpected error" in line]


@pytest.fixture(autouse=True)
def nothing_is_left_behind(server: Server) -> Iterator[None]:
    yield
    until(lambda: server.metric("hotpath_slots_in_use") == 0)


@pytest.fixture(scope="module")
def client(server: Server) -> Iterator[Any]:
    """OpenAI's, as it comes."""
    with openai.OpenAI(base_url=f"{server.url}/v1", api_key=KEY, timeout=PATIENCE_S, max_retries=0) as made:
        yield made


def ask(server: Server, path: str, body: Any, kind: str = JSON, **headers: str) -> httpx.Response:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    sent = {"Authorization": f"Bearer {KEY}", "Content-Type": kind, **headers}
    return asking.post(f"{server.url}{path}", content=content, headers=sent, timeout=PATIENCE_S)


def embedded(client: Any, *sent: str, **more: Any) -> Any:
    found = client.embeddings.create(model="minilm_l6", input=list(sent), **more)
    return numpy.array([one.embedding for one in found.data], "float32")


@contextlib.contextmanager
def first_engine_paused(server: Server) -> Iterator[None]:
    """What is sent to the first model waits."""
    engine = server.children("engine")[0]
    os.kill(engine, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(engine, signal.SIGCONT)


# --- OpenAI's client, and LangChain's ----------------------------------------------------------------------


@pytest.mark.parametrize("form", [{}, {"encoding_format": "float"}, {"encoding_format": "base64"}])
def test_openais_client_embeds(client: Any, minilm: BuiltModel, form: Any) -> None:
    found = client.embeddings.create(model="minilm_l6", input=FOOD, user="me", dimensions=384, **form)
    if form.get("encoding_format") == "base64":  # asked for by name, it is the caller's to read
        import base64

        got = numpy.stack([numpy.frombuffer(base64.b64decode(one.embedding), "<f4") for one in found.data])
    else:
        got = numpy.array([one.embedding for one in found.data])
    assert got == pytest.approx(vectors(minilm, "eager", *FOOD), abs=1e-5)
    assert [one.index for one in found.data] == [0, 1, 2]
    assert (found.object, found.model, found.data[0].object) == ("list", "minilm_l6", "embedding")
    assert found.usage.prompt_tokens == found.usage.total_tokens == 8 + 11 + 8


def test_openais_client_embeds_one_text(client: Any) -> None:
    found = client.embeddings.create(model="minilm_l6", input=FOOD[0])
    assert len(found.data) == 1 and len(found.data[0].embedding) == 384


def test_openais_client_lists_the_models(client: Any) -> None:
    listed = list(client.models.list())
    assert [one.id for one in listed] == ["minilm_l6", "movie_sentiment", "colours", "tiny"]
    assert {one.object for one in listed} == {"model"}


@pytest.mark.parametrize(
    ("sent", "error", "code", "words"),
    [
        ({"model": "gpt"}, "NotFoundError", "unknown_model", "minilm_l6"),
        (
            {"model": "movie_sentiment"},
            "BadRequestError",
            "not_supported",
            "Ask for one of: minilm_l6, tiny.",
        ),
        ({"model": "colours"}, "BadRequestError", "not_supported", "minilm_l6"),
        ({"input": [1, 2, 3]}, "BadRequestError", "tokens_not_supported", "check_embedding_ctx_length=False"),
        ({"input": [[1, 2], [3]]}, "BadRequestError", "tokens_not_supported", "Send texts"),
        ({"input": ""}, "BadRequestError", "empty_text", "input[0] can't be used"),
        ({"input": []}, "BadRequestError", "empty_input", "Send one text at least"),
        ({"input": ["a", "\n"]}, "BadRequestError", "empty_text", "input[1] can't be used"),
        ({"dimensions": 64}, "BadRequestError", "invalid_dimensions", "makes 384"),
        ({"encoding_format": "hex"}, "BadRequestError", "invalid_request", "encoding_format"),
    ],
)
def test_openais_client_is_told_what_is_wrong(
    client: Any, sent: Dict[str, Any], error: str, code: str, words: str
) -> None:
    with pytest.raises(getattr(openai, error)) as caught:
        client.embeddings.create(**{"model": "minilm_l6", "input": "a", **sent})
    assert caught.value.code == code
    assert words in str(caught.value)


def test_openais_client_needs_the_key(server: Server, client: Any) -> None:
    other = client.with_options(api_key="nobody-" + "n" * 32)
    for call in (lambda: embedded(other, "a"), lambda: list(other.models.list())):
        with pytest.raises(openai.AuthenticationError):
            call()
    assert ask(server, "/v1/rerank", {}, Authorization="").status_code == 401


def langchains(server: Server, **more: Any) -> Any:
    settings: Any = {"model": "minilm_l6", "base_url": f"{server.url}/v1", "api_key": KEY, **more}
    return OpenAIEmbeddings(**settings)


def test_langchain_embeds(server: Server, minilm: BuiltModel) -> None:
    made = langchains(server, check_embedding_ctx_length=False)
    wanted = vectors(minilm, "eager", *FOOD)
    assert numpy.array(made.embed_documents(FOOD)) == pytest.approx(wanted, abs=1e-5)
    assert numpy.array(made.embed_query(FOOD[2])) == pytest.approx(wanted[2], abs=1e-5)


def test_langchain_that_sends_tokens_is_told_how_to_send_texts(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    # It would fetch the encoding from a far host; any other makes tokens as well.
    letters = tiktoken.Encoding(
        "letters",
        pat_str=".",
        mergeable_ranks={bytes([number]): number for number in range(256)},
        special_tokens={},
    )
    monkeypatch.setitem(tiktoken.registry.ENCODINGS, "cl100k_base", letters)
    made = langchains(server)
    with pytest.raises(openai.BadRequestError, match="check_embedding_ctx_length=False"):
        made.embed_documents(FOOD)


# --- Cohere's form -----------------------------------------------------------------------------------------

QUESTION = "How do I get back into my account?"
DOCUMENTS = [
    "The central bank raised interest rates.",
    "To reset a forgotten password, follow the link on the login page.",
    "A monkey is playing drums.",
    "Your account is locked after five wrong passwords.",
]


def reranked(server: Server, documents: List[Any], **more: Any) -> Any:
    found = ask(server, "/v1/rerank", {"query": QUESTION, "documents": documents, **more})
    assert found.status_code == 200, found.text
    return found.json()


@pytest.mark.parametrize("model", [{"model": "minilm_l6"}, {}])
def test_documents_are_put_in_order(server: Server, model: Any) -> None:
    found = reranked(server, DOCUMENTS, **model)
    assert found["model"] == "minilm_l6"
    assert {one["index"] for one in found["results"][:2]} == {1, 3}
    scores = [one["relevance_score"] for one in found["results"]]
    assert scores == sorted(scores, reverse=True) and scores[1] > scores[2] + 0.2
    assert not [one for one in found["results"] if "document" in one]
    assert found["usage"]["total_tokens"] > 40


def test_the_best_documents_come_back_with_their_texts(server: Server) -> None:
    objects = [{"text": text, "id": place} for place, text in enumerate(DOCUMENTS)]
    whole = reranked(server, DOCUMENTS)["results"]
    found = reranked(server, objects, top_n=2, return_documents=True)["results"]
    assert found == [{**one, "document": {"text": DOCUMENTS[one["index"]]}} for one in whole[:2]]
    assert len(reranked(server, DOCUMENTS, top_n=100)["results"]) == len(DOCUMENTS)


@pytest.mark.parametrize(
    ("sent", "words"),
    [
        ({"documents": []}, "documents: "),
        ({"documents": ["a", {"title": "b"}]}, "documents.1"),
        ({"documents": ["a", " "]}, "documents[1] can't be used"),
        ({"query": ""}, "query can't be used"),
        ({"query": None}, "query: "),
        ({"top_n": 0}, "top_n: "),
        ({"model": 5}, "'model' is no text"),
    ],
)
def test_what_can_not_be_ranked_is_named(server: Server, sent: Dict[str, Any], words: str) -> None:
    found = ask(server, "/v1/rerank", {"query": QUESTION, "documents": DOCUMENTS, **sent})
    assert found.status_code == 400
    assert words in found.json()["error"]["message"]


# --- /predict and /v2 --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        ({"text": FOOD[0]}, JSON),
        ({"inputs": FOOD[0]}, JSON),
        (FOOD[0].encode(), PLAIN),
        (FOOD[0].encode(), "text/plain; charset=utf-8"),
    ],
)
def test_predict_takes_a_text_in_every_form(server: Server, minilm: BuiltModel, body: Any, kind: str) -> None:
    found = ask(server, "/predict", body, kind).json()
    assert found["embedding"] == pytest.approx(vectors(minilm, "eager", FOOD[0])[0], abs=1e-5)
    assert (found["tokens"], found["truncated"], found["model"]["name"]) == (8, False, "minilm_l6")
    found = ask(server, "/models/movie_sentiment/predict", body, kind).json()
    assert {one["label"] for one in found["labels"]} == {"positive", "negative"}
    assert sum(one["score"] for one in found["labels"]) == pytest.approx(1, abs=1e-5)
    assert (found["tokens"], found["model"]["name"]) == (8, "movie_sentiment")


def test_predict_takes_lists(server: Server) -> None:
    sent = {"inputs": ["A wonderful, moving film.", "A dull and stupid story.", "so " * 400]}
    found = ask(server, "/models/movie_sentiment/predict", sent).json()["items"]
    assert [one["label"] for one in found[:2]] == ["positive", "negative"]
    assert [(one["tokens"], one["truncated"]) for one in found] == [(8, False), (8, False), (256, True)]
    assert len(ask(server, "/predict", sent).json()["items"]) == 3


@pytest.mark.parametrize("binary", [True, False])
def test_tritons_client_sends_texts(server: Server, minilm: BuiltModel, binary: bool) -> None:
    sent = [*FOOD, "Äpfel, 苹果 und 🍎"]
    headers = {"Authorization": f"Bearer {KEY}"}
    url = server.url.replace("http://", "")
    with triton.InferenceServerClient(url, network_timeout=PATIENCE_S) as client:
        for shape in ([4], [4, 1]):
            tensor = triton.InferInput("text", shape, "BYTES")
            elements = numpy.array([text.encode() for text in sent], dtype=object).reshape(shape)
            tensor.set_data_from_numpy(elements, binary)
            outputs = [triton.InferRequestedOutput("embedding", binary_data=binary)]
            found = client.infer("minilm_l6", [tensor], outputs=outputs, headers=headers)
            assert found.as_numpy("embedding") == pytest.approx(vectors(minilm, "eager", *sent), abs=1e-5)
        found = client.infer("movie_sentiment", [tensor], headers=headers)
        assert found.as_numpy("scores").sum(axis=1) == pytest.approx(1, abs=1e-5)
        assert {bytes(one) for one in found.as_numpy("labels").flat} == {b"positive", b"negative"}
        described = client.get_model_metadata("minilm_l6", headers=headers)
        assert [(one["name"], one["datatype"]) for one in described["inputs"]] == [("text", "BYTES")]
        tensor.set_data_from_numpy(numpy.array([[b"a"], [b"b"], [b" "], [b"c"]], dtype=object), binary)
        with pytest.raises(InferenceServerException, match="element 2 of the input 'text' can't be used"):
            client.infer("minilm_l6", [tensor], headers=headers)


def test_the_description_refers_to_nothing_that_is_not_there(server: Server) -> None:
    described = asking.get(f"{server.url}/openapi.json").json()

    def references(part: Any) -> Iterator[str]:
        for key, inner in part.items() if isinstance(part, dict) else enumerate(part):
            if key == "$ref":
                yield inner
            elif isinstance(inner, (dict, list)):
                yield from references(inner)

    paths = described["paths"]
    assert {"/v1/embeddings", "/v1/rerank", "/v1/models"} <= set(paths)
    known = {f"#/components/schemas/{name}" for name in described["components"]["schemas"]}
    assert set(references(described)) <= known
    assert {"application/json", "text/plain"} <= set(paths["/predict"]["post"]["requestBody"]["content"])


# --- many at once ------------------------------------------------------------------------------------------

WORDS = (
    "the",
    "train",
    "coast",
    "leaves",
    "at",
    "noon",
    "whales",
    "are",
    "large",
    "animals",
    "while",
    "rain",
    "falls",
)


def words(count: int, seed: int) -> str:
    """A text of so many tokens, and two marks more."""
    return " ".join(random.Random(seed).choices(WORDS, k=count))


def test_texts_of_all_lengths_from_many_clients_at_once(client: Any, minilm: BuiltModel) -> None:
    counts = [int(count) for count in numpy.linspace(3, 250, 32)]
    sent = [words(count - 2, count) for count in counts]
    wanted = vectors(minilm, "eager", *sent)
    random.Random(5).shuffle(order := list(range(len(sent))))

    def one(place: int) -> Any:
        found = client.embeddings.create(model="minilm_l6", input=sent[place])
        assert found.usage.total_tokens == counts[place]
        return numpy.array(found.data[0].embedding)

    with ThreadPoolExecutor(16) as threads:
        found = dict(zip(order, threads.map(one, order)))
    cosines = [float(found[place] @ wanted[place]) for place in range(len(sent))]
    assert min(cosines) > 0.9999 and max(cosines) < 1.0001


def test_a_large_request_goes_in_waves_while_others_are_answered(server: Server, client: Any) -> None:
    sent = [f"{words(8, seed)} {seed}" for seed in range(300)]
    with ThreadPoolExecutor(4) as threads:
        with first_engine_paused(server):
            large = threads.submit(embedded, client, *sent)
            until(lambda: server.metric("hotpath_slots_in_use") == MOST)  # one wave of it
            small = threads.submit(embedded, client, sent[7])
            until(lambda: server.metric("hotpath_slots_in_use") == MOST + 1)
            found = ask(server, "/models/movie_sentiment/predict", {"text": "A film."})
            assert found.status_code == 200
            assert ask(server, "/models/colours/predict", picture("red"), "image/png").status_code == 200
            assert not large.done()
        together, alone = large.result(), small.result()
    assert together.shape == (300, 384)
    assert (together @ alone[0]).argmax() == 7 and float(together[7] @ alone[0]) > 0.9999


def test_the_metrics_tell_what_was_padded(server: Server, client: Any) -> None:
    def units(kind: str) -> float:
        return server.metric(f'hotpath_batch_units_total{{engine="0/cpu",kind="{kind}"}}')

    real, padded = units("real"), units("padded")
    sent = [words(count, count) for count in (3, 30, 7)]
    used = client.embeddings.create(model="minilm_l6", input=sent).usage.total_tokens
    assert used == 3 + 30 + 7 + 6
    until(lambda: units("real") == real + used)
    assert units("padded") == padded  # on CPU, texts lie one behind another


def test_the_warm_up_asks_every_model(server: Server, config: Path) -> None:
    command = [sys.executable, "-m", "hotpath", "warmup", "--config", str(config), "--url", server.url]
    done = subprocess.run(command, env=python_environment(), capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    probes = ("8 texts", "A warm, funny", "The jokes fall", "red.png", "3 texts")
    assert not [probe for probe in probes if probe not in done.stdout], done.stdout


def test_a_full_model_refuses_and_the_others_answer(server: Server, client: Any) -> None:
    before = server.metric('hotpath_shed_total{reason="no_slot"}')
    with ThreadPoolExecutor(12) as threads:
        with first_engine_paused(server):
            held = [threads.submit(embedded, client, *FOOD, "more") for _ in range(PLACES // MOST)]
            until(lambda: server.metric("hotpath_slots_in_use") == PLACES)
            with pytest.raises(openai.RateLimitError) as caught:
                embedded(client, "a")
            assert caught.value.code == "busy"
            assert int(caught.value.response.headers["retry-after"]) >= 1
            assert ask(server, "/predict", {"text": "a"}).status_code == 429
            patient = threads.submit(embedded, client.with_options(max_retries=100), FOOD[0])
            found = ask(server, "/v1/embeddings", {"model": "tiny", "input": "a dog"})
            assert (found.status_code, len(found.json()["data"])) == (200, 1)
            assert ask(server, "/models/colours/predict", picture("red"), "image/png").status_code == 200
            until(lambda: server.metric('hotpath_shed_total{reason="no_slot"}') >= before + 3)
        assert [one.result().shape for one in held] == [(MOST, 384)] * len(held)
        assert patient.result().shape == (1, 384)


# --- what can't be answered --------------------------------------------------------------------------------


def brief(value: Any) -> Optional[str]:
    """Bodies of megabytes make no names of tests."""
    return None if isinstance(value, int) else str(value)[:30]


SURROGATE = b'"\\ud800"'
LONG = "dog " * 40


@pytest.mark.parametrize(
    ("path", "body", "kind", "status", "words"),
    [
        ("/predict", b"", PLAIN, 400, "nothing but space"),
        ("/predict", b"", JSON, 400, "The body can't be read"),
        ("/predict", {"text": " "}, JSON, 400, "nothing but space"),
        ("/predict", {"inputs": ["a", ""]}, JSON, 400, "inputs[1] can't be used"),
        ("/predict", {"inputs": ["a"] * 100_000}, JSON, 413, "100000 texts; a request may hold 2048"),
        ("/predict", b"\xff", PLAIN, 400, "not UTF-8"),
        ("/predict", b'{"text": "\xff"}', JSON, 400, "The body can't be read: 'utf-8'"),
        ("/predict", b'{"text": "a"', JSON, 400, "The body can't be read"),
        ("/predict", b'{"text": ' + SURROGATE + b"}", JSON, 400, "no Unicode"),
        ("/predict", b'{"text": "' + b"a" * 10_000_000 + b'"}', JSON, 413, "JSON has 10000012 bytes"),
        ("/predict", b"a" * 20_000_001, PLAIN, 413, "larger than 20000000 bytes"),
        ("/predict", b"<text/>", "application/xml", 415, "'application/xml'"),
        ("/models/tiny/predict", {"text": LONG}, JSON, 413, "the text has 42 tokens"),
        (
            "/models/tiny/predict",
            {"inputs": ["a", LONG]},
            JSON,
            413,
            "inputs[1] can't be used: the text has 42",
        ),
        ("/models/tiny/predict", b"a" * 10_000_000, PLAIN, 413, "has 10000000 characters"),
        ("/v1/embeddings", b"", JSON, 400, "The body can't be read"),
        ("/v1/embeddings", b"[]", JSON, 400, "no JSON object"),
        ("/v1/embeddings", {}, JSON, 400, "input: Field required"),
        ("/v1/embeddings", {"input": "a"}, PLAIN, 415, "'text/plain'"),
        ("/v1/embeddings", {"input": ["a"] * 100_000}, JSON, 413, "100000 texts; a request may hold 2048"),
        ("/v1/embeddings", b'{"input": "\xff"}', JSON, 400, "The body can't be read: 'utf-8'"),
        ("/v1/embeddings", b'{"input": [' + SURROGATE + b"]}", JSON, 400, "input"),
        ("/v1/embeddings", {"model": "tiny", "input": ["a", LONG]}, JSON, 413, "input[1] can't be used"),
        ("/v1/embeddings", b" " * 20_000_001, JSON, 413, "larger than 20000000 bytes"),
        ("/v1/embeddings", b" " * 10_000_000, JSON, 413, "JSON has 10000000 bytes"),
        ("/v1/rerank", {"query": "a", "documents": ["a"] * 100_000}, JSON, 413, "100000 texts"),
        (
            "/v1/rerank",
            {"model": "tiny", "query": LONG, "documents": ["a"]},
            JSON,
            413,
            "query can't be used",
        ),
        ("/v1/nothing", {}, JSON, 404, "/v1/nothing"),
    ],
    ids=brief,
)
def test_what_can_not_be_answered_is_named(
    server: Server, path: str, body: Any, kind: str, status: int, words: str
) -> None:
    found = ask(server, path, body, kind)
    error = found.json()["error"]
    assert (found.status_code, words in error["message"]) == (status, True), error
    assert error["code"] and error["remedy"] and "image" not in error["message"] + error["remedy"]


@pytest.mark.parametrize(
    ("model", "data", "count", "words"),
    [
        ("minilm_l6", [""], 1, "element 0 of the input 'text' can't be used: the text holds nothing"),
        ("minilm_l6", ["a", 5], 2, "element 1 of the input 'text' is no text"),
        ("minilm_l6", ["a"], 2, "does not have its shape"),
        ("minilm_l6", ["a"] * 100_000, 100_000, "holds 100000 items; a request may hold 1 to 4"),
        ("minilm_l6", ["\ud800"], 1, "element 0 of the input 'text' is no text"),
        ("tiny", ["a", LONG], 2, "element 1 of the input 'text' can't be used: the text has 42 tokens"),
        ("minilm_l6", b"\xff", None, "element 0 of the input 'text' can't be used: the text is not UTF-8"),
    ],
    ids=brief,
)
def test_tensors_that_can_not_be_answered_are_named(
    server: Server, model: str, data: Any, count: Optional[int], words: str
) -> None:
    path = f"/v2/models/{model}/infer"
    if count is None:
        found = ask(server, path, data, **{"Inference-Header-Content-Length": "0"})
    else:
        tensor = {"name": "text", "datatype": "BYTES", "shape": [count], "data": data}
        found = ask(server, path, {"inputs": [tensor]})
    assert 400 <= found.status_code < 500
    assert words in found.json()["error"]


def test_null_is_as_good_as_leaving_a_field_out(server: Server) -> None:
    """LiteLLM and what is built on it send `encoding_format: null` where nothing was said."""
    plain = ask(server, "/v1/embeddings", {"model": "minilm_l6", "input": "a cat"})
    nulls = {"encoding_format": None, "dimensions": None, "user": None}
    found = ask(server, "/v1/embeddings", {"model": "minilm_l6", "input": "a cat", **nulls})
    assert found.status_code == plain.status_code == 200, found.text
    assert found.json()["data"] == plain.json()["data"]
    ranked = {"query": "a cat", "documents": ["a kitten", "a tax"], "model": None}
    optional = {"top_n": None, "return_documents": None}
    assert (
        ask(server, "/v1/rerank", {**ranked, **optional}).json() == ask(server, "/v1/rerank", ranked).json()
    )
