"""The encoder computes what torch's own layers do, on either way, whoever a text's neighbours are."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Dict, List

import pytest
from support.texts import BOUND, HEADS, INNER, LABELS, LAYERS, VOCABULARY, WIDTH, head, tensors

from hotpath.core import ModelError

torch = pytest.importorskip("torch", reason="this Python has no torch; this is tested on the other one")

from safetensors.numpy import save_file  # noqa: E402

from hotpath.tasks.text import weights  # noqa: E402
from hotpath.tasks.text.embedding.network import TextEmbedder  # noqa: E402
from hotpath.tasks.text.encoder import attend, attend_alone  # noqa: E402
from hotpath.tasks.text.forms import batch, script  # noqa: E402

LENGTHS = [5, 1, BOUND, 2]
BIAS, EMBEDDED = "encoder.layer.1.output.dense.bias", "embeddings.word_embeddings.weight"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "model.safetensors"
    save_file(tensors(), path)
    return path


def texts(lengths: List[int] = LENGTHS) -> List[Any]:
    generator = torch.Generator().manual_seed(5)
    return [
        torch.randint(len(VOCABULARY), (length,), dtype=torch.int32, generator=generator).numpy()
        for length in lengths
    ]


def reference(ids: Any, pooling: str) -> Any:
    """One text through torch's own encoder layers, which know nothing of ours."""
    found = {name: torch.from_numpy(value) for name, value in tensors().items()}
    rows = (
        found["embeddings.word_embeddings.weight"][ids]
        + found["embeddings.position_embeddings.weight"][: len(ids)]
        + found["embeddings.token_type_embeddings.weight"][0]
    )
    scale, shift = found["embeddings.LayerNorm.weight"], found["embeddings.LayerNorm.bias"]
    rows = torch.nn.functional.layer_norm(rows, (WIDTH,), scale, shift, 1e-12)
    for number in range(LAYERS):
        layer = torch.nn.TransformerEncoderLayer(
            WIDTH, HEADS, INNER, 0.0, "gelu", layer_norm_eps=1e-12, batch_first=True
        ).eval()
        layer.load_state_dict(_renamed(found, f"encoder.layer.{number}."))
        rows = layer(rows[None])[0]
    return rows.mean(0) if pooling == "mean" else rows[0]


def _renamed(found: Dict[str, Any], layer: str) -> Dict[str, Any]:
    names = {
        "self_attn.out_proj": "attention.output.dense",
        "norm1": "attention.output.LayerNorm",
        "linear1": "intermediate.dense",
        "linear2": "output.dense",
        "norm2": "output.LayerNorm",
    }
    state = {}
    for end in ("weight", "bias"):
        for theirs, ours in names.items():
            state[f"{theirs}.{end}"] = found[f"{layer}{ours}.{end}"]
        parts = [found[f"{layer}attention.self.{part}.{end}"] for part in ("query", "key", "value")]
        state[f"self_attn.in_proj_{end}"] = torch.cat(parts)
    return state


@pytest.mark.parametrize("pooling", ["mean", "first"])
@pytest.mark.parametrize("way", ["packed", "padded"])
def test_it_computes_what_torchs_own_layers_do(file: Path, way: str, pooling: str) -> None:
    encoder = weights.encoder(file, WIDTH, HEADS, pooling)
    with torch.no_grad():
        wanted = torch.stack([reference(ids, pooling) for ids in texts()])
        found = getattr(encoder, way)(*batch(texts()))
    assert torch.allclose(found, wanted, atol=1e-5)
    assert (wanted[0] - wanted[1]).abs().max() > 0.1, "the texts must be told apart"


@pytest.mark.parametrize("dtype, near", [("float32", 1e-5), ("bfloat16", 0.05)])
def test_attention_is_the_same_in_whichever_way_suits_a_length(dtype: str, near: float) -> None:
    generator = torch.Generator().manual_seed(6)
    for length in (1, 2, 48, 49, 100):
        joined = torch.randn(length, 3 * WIDTH, generator=generator).to(getattr(torch, dtype))
        found = attend_alone(joined, HEADS)
        assert found.dtype == joined.dtype
        wanted = attend(joined[None].float(), HEADS, None)[0]
        assert torch.allclose(found.float(), wanted, atol=near)
    assert (wanted - wanted.mean(0)).abs().max() > 0.1, "the rows must be told apart"


@pytest.mark.parametrize("way", ["packed", "padded"])
def test_neighbours_and_padding_change_nothing(file: Path, way: str) -> None:
    encoder = weights.encoder(file, WIDTH, HEADS, "mean")
    ids, lengths = batch(texts())
    longer = torch.nn.functional.pad(ids, (0, 7), value=3)  # what lies behind a text's end must not matter
    with torch.no_grad():
        alone = torch.cat([getattr(encoder, way)(*batch([one])) for one in texts()])
        for given in (ids, longer):
            assert torch.allclose(getattr(encoder, way)(given, lengths), alone, atol=1e-5)


def test_the_scripted_form_takes_any_number_and_length(file: Path, tmp_path: Path) -> None:
    network = TextEmbedder(weights.encoder(file, WIDTH, HEADS, "mean")).eval()
    script(network, tmp_path / "model.pt")
    scripted = torch.jit.load(str(tmp_path / "model.pt"))
    with torch.no_grad():
        for lengths in ([3], [BOUND] * 3, LENGTHS, [1, 2], LENGTHS * 3):
            given = batch(texts(lengths))
            for _ in range(3):  # torch compiles a graph anew after it has seen it run
                (found,) = scripted(*given)
                assert torch.allclose(found, network(*given)[0], atol=1e-6)
            assert torch.allclose(found.norm(dim=1), torch.ones(len(lengths)), atol=1e-6)


def test_reduced_layers_compute_in_their_type_and_answer_in_float32(file: Path) -> None:
    encoder = weights.encoder(file, WIDTH, HEADS, "mean")
    with torch.no_grad():
        exact = encoder(*batch(texts()))
        encoder.reduce(torch.bfloat16)
        found = encoder(*batch(texts()))
    first: Any = encoder.layers[0]
    assert first.join.weight.dtype == torch.bfloat16
    assert encoder.norm.weight.dtype == encoder.tokens.weight.dtype == found.dtype == torch.float32
    cosine = torch.nn.functional.cosine_similarity(exact, found)
    assert 0.99 < cosine.min() < 1 - 1e-6


def test_prefixes_and_other_float_types_are_understood(file: Path, tmp_path: Path) -> None:
    other = tmp_path / "prefixed.safetensors"
    save_file({f"bert.{name}": value.astype("float16") for name, value in tensors().items()}, other)
    with torch.no_grad():
        wanted = weights.encoder(file, WIDTH, HEADS, "mean")(*batch(texts()))
        found = weights.encoder(other, WIDTH, HEADS, "mean")(*batch(texts()))
    assert torch.nn.functional.cosine_similarity(wanted, found).min() > 0.999


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda found: found.pop(BIAS), f"no '{BIAS}'"),
        (lambda found: found.pop(EMBEDDED), f"no '{EMBEDDED}'"),
        (lambda found: found.update({BIAS: found[BIAS][:3]}), "size mismatch for layers.1.narrow.bias"),
        (lambda found: found.clear(), "no encoder of BERT's kind"),
    ],
)
def test_weights_that_are_no_encoder_are_named(tmp_path: Path, change: Any, words: str) -> None:
    found = tensors()
    change(found)
    save_file(found, tmp_path / "model.safetensors")
    with pytest.raises(ModelError, match=words) as caught:
        weights.encoder(tmp_path / "model.safetensors", WIDTH, HEADS, "mean")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(("width", "heads"), [(WIDTH, 3), (16, HEADS)])
def test_a_shape_that_the_weights_contradict_is_refused(file: Path, width: int, heads: int) -> None:
    with pytest.raises(ModelError, match=f"their width is {WIDTH}; model.toml says {width}"):
        weights.encoder(file, width, heads, "mean")


@pytest.mark.parametrize("content", [b"", b"hello", b"PK\x03\x04 cut off", b"\xff" * 64])
def test_a_file_that_is_no_weights_is_named(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "model.safetensors").write_bytes(content)
    with pytest.raises(ModelError, match=r"model\.safetensors can't be read"):
        weights.encoder(tmp_path / "model.safetensors", WIDTH, HEADS, "mean")


def test_a_head_for_other_labels_is_refused(tmp_path: Path) -> None:
    save_file(head(), tmp_path / "head.safetensors")
    assert weights.head(tmp_path / "head.safetensors", WIDTH, len(LABELS)).weight.shape == (3, WIDTH)
    with pytest.raises(ModelError, match="2 labels on embeddings of 8"):
        weights.head(tmp_path / "head.safetensors", WIDTH, 2)
