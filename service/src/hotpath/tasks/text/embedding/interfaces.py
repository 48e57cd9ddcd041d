"""Embeddings and ranking in the forms whose clients people have: OpenAI's, and Cohere's and Jina's."""

from __future__ import annotations

import base64
from typing import Any, Callable, Dict, List, Mapping, Optional, Sequence, Union

import numpy
from pydantic import BaseModel, Field
from typing_extensions import Literal

from hotpath.core import InputError
from hotpath.json_text import Lenient
from hotpath.tasks.task import Ask, Interface, Limits
from hotpath.tasks.text import asking
from hotpath.tasks.text.tokens import Tokens

Unpack = Callable[[bytes], Any]
"""The embedding of an answer: float32 (width,), of length one."""


class _Request(Lenient):
    model: Optional[str] = Field(None, description="A model's name; the first of texts by default.")


class EmbeddingsRequest(_Request):
    """OpenAI's."""

    input: Union[str, List[str], List[int], List[List[int]]] = Field(
        description="A text, or a list of texts. Lists of tokens are refused."
    )
    encoding_format: Literal["float", "base64"] = Field("float", description="How the numbers are told.")
    dimensions: Optional[int] = Field(None, description="The model's own number of them, or left out.")


class RankedDocument(BaseModel):
    """A document as a text, or as an object with the key `text`."""

    text: str


class RerankRequest(_Request):
    """Cohere's and Jina's."""

    query: str
    documents: List[Union[str, RankedDocument]] = Field(min_length=1)
    top_n: Optional[int] = Field(None, ge=1, description="How many to tell; all of them by default.")
    return_documents: bool = Field(False, description="Whether each comes back with its text.")


class Usage(BaseModel):
    """What was counted."""

    prompt_tokens: int
    total_tokens: int


class EmbeddingObject(BaseModel):
    """One text's."""

    object: Literal["embedding"]
    index: int
    embedding: Union[List[float], str] = Field(description="Numbers; or base64 of them, float32.")


class EmbeddingsAnswer(BaseModel):
    """OpenAI's."""

    object: Literal["list"]
    data: List[EmbeddingObject]
    model: str
    usage: Usage


class Relevance(BaseModel):
    """One document's."""

    index: int = Field(description="Its place in the request.")
    relevance_score: float = Field(description="The cosine of its embedding with the query's.")
    document: Optional[RankedDocument] = None


class RerankAnswer(BaseModel):
    """The most relevant first."""

    model: str
    results: List[Relevance]
    usage: Usage


def interfaces(model: str, tokens: Tokens, width: int, unpack: Unpack) -> Mapping[str, Interface]:
    """By path: of one model, whose embeddings are so wide."""

    def embeddings(request: EmbeddingsRequest, limits: Limits) -> Ask:
        if request.dimensions not in (None, width):
            raise InputError(
                400,
                "invalid_dimensions",
                f"'dimensions' is {request.dimensions}, and the model {model} makes {width}, of which no "
                "part stands for all",
                "Leave it out.",
            )
        fills = _fills(_texts(request.input), tokens, limits, "input")
        return Ask(fills, lambda answers: _embeddings(model, request.encoding_format, fills, answers, unpack))

    def rerank(request: RerankRequest, limits: Limits) -> Ask:
        documents = [one if isinstance(one, str) else one.text for one in request.documents]
        fills = [
            asking.Text(asking.checked(request.query, "query"), tokens, "query"),
            *_fills(documents, tokens, limits, "documents"),
        ]
        return Ask(fills, lambda answers: _ranking(model, request, documents, fills, answers, unpack))

    return {
        "embeddings": Interface(
            "Embeddings, in OpenAI's form", EmbeddingsRequest, embeddings, EmbeddingsAnswer
        ),
        "rerank": Interface(
            "Documents by their nearness to a query, in Cohere's and Jina's form",
            RerankRequest,
            rerank,
            RerankAnswer,
        ),
    }


def _texts(given: Union[str, Sequence[Any]]) -> List[str]:
    """Raises InputError."""
    if isinstance(given, str):
        return [given]
    if not given:
        raise InputError(400, "empty_input", "'input' is an empty list", "Send one text at least.")
    if not isinstance(given[0], str):
        raise InputError(
            400,
            "tokens_not_supported",
            "'input' holds tokens, and those of another tokenizer mean nothing to this model",
            "Send texts; with LangChain, OpenAIEmbeddings(check_embedding_ctx_length=False).",
        )
    return list(given)


def _fills(texts: Sequence[str], tokens: Tokens, limits: Limits, key: str) -> List[asking.Text]:
    """Raises InputError, which names the text."""
    if len(texts) > limits.items:
        raise asking.too_many(len(texts), limits.items)
    places = [f"{key}[{index}]" for index in range(len(texts))]
    return [asking.Text(asking.checked(text, place), tokens, place) for text, place in zip(texts, places)]


def _usage(fills: Sequence[asking.Text]) -> Dict[str, int]:
    tokens = sum(fill.units for fill in fills)
    return {"prompt_tokens": tokens, "total_tokens": tokens}


def _embeddings(
    model: str, form: str, fills: Sequence[asking.Text], answers: Sequence[bytes], unpack: Unpack
) -> Dict[str, Any]:
    def told(answer: bytes) -> Union[str, List[float]]:
        vector = unpack(answer)
        return (
            base64.b64encode(vector.astype("<f4").tobytes()).decode() if form == "base64" else _short(vector)
        )

    data = [
        {"object": "embedding", "index": index, "embedding": told(answer)}
        for index, answer in enumerate(answers)
    ]
    return {"object": "list", "data": data, "model": model, "usage": _usage(fills)}


def _short(vector: Any) -> List[float]:
    """The numbers of a float32 vector in the nine digits that tell each from all others.

    As they are, Python would write them in the 17 that a float64 may need: twice the bytes.
    """
    exact = vector.astype(numpy.float64)
    size = numpy.abs(exact)
    # The least of float32, in the place of zero, which has no logarithm.
    places = 8 - numpy.floor(numpy.log10(numpy.maximum(size, 1e-45)))
    scale = 10.0**places
    numbers: List[float] = (numpy.rint(exact * scale) / scale).tolist()
    return numbers


def _ranking(
    model: str,
    request: RerankRequest,
    documents: Sequence[str],
    fills: Sequence[asking.Text],
    answers: Sequence[bytes],
    unpack: Unpack,
) -> Dict[str, Any]:
    query, *others = (unpack(answer) for answer in answers)
    scores = numpy.stack(others) @ query
    order = numpy.argsort(-scores, kind="stable")[: request.top_n]
    results: List[Dict[str, Any]] = [
        {"index": int(index), "relevance_score": round(float(scores[index]), 6)} for index in order
    ]
    if request.return_documents:
        for result in results:
            result["document"] = {"text": documents[result["index"]]}
    return {"model": model, "results": results, "usage": _usage(fills)}
