"""The request fields that say how to sample, shared by chat and plain completions, and the fields that are refused."""

from collections.abc import Mapping
from typing import Any, ClassVar, Literal, Self

import orjson
from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator
from pydantic_core import PydanticCustomError

from strategies.base.errors import InvalidRequest, Unsupported
from strategies.base.field_errors import WrongField
from strategies.base.types import Decoding, TopHVariant


class StreamOptions(BaseModel):
    """What a stream carries beside the text."""

    model_config = ConfigDict(extra="forbid", strict=True)

    include_usage: bool | None = Field(False, description="Whether a last chunk tells the usage.")
    continuous_usage_stats: bool | None = Field(
        False, description="vLLM's: with include_usage, every chunk tells what its choice has used so far."
    )
    include_obfuscation: bool | None = Field(False, description="OpenAI's padding of chunks; not supported.")

    @field_validator("include_obfuscation")
    @classmethod
    def _pads_nothing(cls, wanted: bool | None) -> bool | None:
        if wanted:
            raise PydanticCustomError("unsupported", "chunks are not padded: send false")
        return wanted

    @property
    def asks(self) -> bool:
        return bool(self.include_usage or self.continuous_usage_stats)

    @property
    def is_continuous(self) -> bool:
        return bool(self.include_usage and self.continuous_usage_stats)


class SamplingFields(BaseModel):
    """Fields with the meaning that OpenAI or vLLM gives them. An unknown field is an error that names it."""

    model_config = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False)

    refused: ClassVar[dict[str, str]] = {}
    """Fields of the OpenAI schema that are understood and not honoured, each with the reason given in the 400."""
    neutral: ClassVar[dict[str, tuple[Any, ...]]] = {}
    """Values of refused fields that ask for nothing, and are therefore accepted."""

    model: str = Field(max_length=256, description="A served model, a preset, or MODEL@STRATEGY.")
    strategy: dict[str, Any] | None = Field(
        None, description="The strategy and its parameters; see /v1/strategies."
    )
    n: int | None = Field(1, ge=1, le=1024, description="Choices returned, best first.")
    stream: bool | None = False
    stream_options: StreamOptions | None = None
    max_tokens: int | None = Field(None, ge=1)
    min_tokens: int | None = Field(0, ge=0)
    temperature: float | None = Field(None, ge=0, le=10)
    top_p: float | None = Field(None, gt=0, le=1)
    top_k: int | None = Field(
        None, ge=-1, description="vLLM's: keep the k most likely tokens; -1 or 0 is off."
    )
    min_p: float | None = Field(
        None, ge=0, le=1, description="vLLM's: drop tokens below this share of the likeliest."
    )
    top_h: float | None = Field(
        None, gt=0, le=1, description="Entropy-bounded truncation (arXiv 2509.02510)."
    )
    top_h_variant: TopHVariant | None = Field(None, description="Which rule top_h follows (default: paper).")
    presence_penalty: float | None = Field(0.0, ge=-2, le=2)
    frequency_penalty: float | None = Field(0.0, ge=-2, le=2)
    repetition_penalty: float | None = Field(None, gt=0, le=10)
    stop: str | list[str] | None = None
    stop_token_ids: list[int] | None = Field(default_factory=list, max_length=128)
    ignore_eos: bool | None = False
    logit_bias: dict[str, float] | None = Field(None, max_length=1024)
    seed: int | None = Field(None, ge=-(2**63), lt=2**63)
    response_format: dict[str, Any] | None = None
    user: str | None = Field(None, description="A label for the caller's own use; it changes nothing.")
    metadata: dict[str, str] | None = Field(
        None, description="Labels for the caller's own use; they change nothing."
    )

    @field_validator("logit_bias")
    @classmethod
    def _biases_in_range(cls, biases: dict[str, float] | None) -> dict[str, float] | None:
        if any(not (key.isdecimal() and -100 <= bias <= 100) for key, bias in (biases or {}).items()):
            raise ValueError("logit_bias maps token ids to numbers from -100 to 100")
        return biases

    @model_validator(mode="before")
    @classmethod
    def _refuse(cls, fields: Any) -> Any:
        """Known fields that are not honoured: refused with the reason, unless the value asks for nothing."""
        if not isinstance(fields, dict):
            return fields
        for name in cls.refused.keys() & fields.keys():
            if not cls.asks_for_nothing(name, fields):
                raise Unsupported(f"{name} is not supported: {cls.refused[name]}", param=name)
        return {name: value for name, value in fields.items() if name not in cls.refused}

    @classmethod
    def asks_for_nothing(cls, name: str, fields: Mapping[str, Any]) -> bool:
        """Whether the value of a refused field changes nothing: null, or one of its neutral values."""
        value = fields[name]
        return value is None or any(_is_same(value, neutral) for neutral in cls.neutral.get(name, ()))

    @model_validator(mode="after")
    def _streams(self) -> Self:
        if self.stream_options is not None and self.stream_options.asks and not self.stream:
            raise WrongField("stream_options", "stream_options needs stream to be true")
        return self

    @property
    def choices(self) -> int:
        """How many are returned."""
        return self.n or 1

    @property
    def streams_usage(self) -> tuple[bool, bool]:
        """Whether a stream tells its usage at its end, and whether also in every chunk."""
        options = self.stream_options or StreamOptions()
        return bool(options.include_usage), options.is_continuous

    def asks_for(self, name: str) -> bool:
        """Whether the field was sent, with a value that asks for something: neither empty nor its default."""
        if name not in self.model_fields_set:
            return False
        if name == "response_format":
            return _json_schema(self.response_format) is not None
        default = type(self).model_fields[name].get_default(call_default_factory=True, validated_data={})
        return getattr(self, name) not in (default, None, [], {})

    def decoding(self, defaults: dict[str, float], max_tokens: int | None, logprobs: int | None) -> Decoding:
        """What the engine is asked for; the model's own `defaults` hold where the request says nothing."""
        if self.top_h_variant is not None and self.top_h is None:
            raise InvalidRequest(
                "top_h_variant says which rule top_h follows: send top_h", param="top_h_variant"
            )
        temperature = _first(self.temperature, defaults.get("temperature"), 1.0)
        return Decoding(
            max_tokens=max_tokens,
            min_tokens=self.min_tokens or 0,
            temperature=temperature,
            top_p=_first(self.top_p, defaults.get("top_p"), 1.0),
            top_k=max(int(_first(self.top_k, defaults.get("top_k"), 0)), 0),
            min_p=_first(self.min_p, defaults.get("min_p"), 0.0),
            top_h=self.top_h,
            top_h_variant=self.top_h_variant or "paper",
            presence_penalty=self.presence_penalty or 0.0,
            frequency_penalty=self.frequency_penalty or 0.0,
            repetition_penalty=_first(self.repetition_penalty, defaults.get("repetition_penalty"), 1.0),
            stop=(self.stop,) if isinstance(self.stop, str) else tuple(self.stop or ()),
            stop_token_ids=tuple(self.stop_token_ids or ()),
            ignore_eos=bool(self.ignore_eos),
            logit_bias={int(token): bias for token, bias in (self.logit_bias or {}).items()},
            logprobs=logprobs,
            json_schema=_json_schema(self.response_format),
            seed=self.seed,
        )


def _is_same(value: object, neutral: object) -> bool:
    """Equal as JSON: true is not 1."""
    return type(value) is type(neutral) and value == neutral


def _first(*values: float | None) -> float:
    return next(value for value in values if value is not None)


def _json_schema(response_format: dict[str, Any] | None) -> str | None:
    """The schema that an answer must follow; `{"type": "text"}` and nothing at all ask for none."""
    kind = (response_format or {"type": "text"}).get("type")
    if kind == "text":
        return None
    if kind == "json_object":
        return '{"type": "object"}'
    described = (response_format or {}).get("json_schema")
    schema = described.get("schema") if isinstance(described, dict) else None
    if kind != "json_schema" or not isinstance(schema, dict):
        message = "response_format is text, json_object, or json_schema with a schema"
        raise Unsupported(message, param="response_format")
    return orjson.dumps(schema).decode()


FinishReasonOut = Literal["stop", "length"]


def finish_reason(reason: str) -> FinishReasonOut:
    """OpenAI knows no `abort`: an answer that a budget cut off reads as `length`."""
    return "stop" if reason == "stop" else "length"
