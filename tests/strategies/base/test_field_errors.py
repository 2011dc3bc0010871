"""A fault is told by the path that its sender wrote, whatever types of ours lie on the way."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from strategies.base.field_errors import FieldFault, WrongField, first_fault


class Dog(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)
    kind: Literal["dog"]
    bone: int


class Cat(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)
    kind: Literal["cat"]
    fish: str | list[str]


class Zoo(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)
    name: str
    wait: Literal["all"] | Annotated[int, Field(ge=1)] | None = None
    weights: dict[str, float] = {}
    animals: list[Annotated[Dog | Cat, Field(discriminator="kind")]] = []

    @model_validator(mode="after")
    def _named(self) -> "Zoo":
        if self.name == "nobody":
            raise WrongField("name", "nobody has a zoo")
        return self


def fault(sent: Any) -> FieldFault:
    with pytest.raises(ValidationError) as refused:
        Zoo.model_validate(sent)
    return first_fault(refused.value.errors(), sent)


@pytest.mark.parametrize(
    ("sent", "path"),
    [
        ({}, "name"),
        ({"name": 1}, "name"),
        ({"name": "nobody"}, "name"),
        ({"name": "a", "wait": 0}, "wait"),
        ({"name": "a", "wait": "some"}, "wait"),
        ({"name": "a", "weights": {"x": "y"}}, "weights.x"),
        ({"name": "a", "animals": {}}, "animals"),
        ({"name": "a", "animals": [{"kind": "dog"}]}, "animals.0.bone"),
        ({"name": "a", "animals": [{"kind": "fox"}]}, "animals.0.kind"),
        ({"name": "a", "animals": [{}]}, "animals.0.kind"),
        (
            {"name": "a", "animals": [{"kind": "dog", "bone": 1}, {"kind": "cat", "fish": 1}]},
            "animals.1.fish",
        ),
        ({"name": "a", "animals": [{"kind": "cat", "fish": ["a", 1]}]}, "animals.0.fish.1"),
        ({"name": "a", "animals": [{"kind": "cat", "fish": "", "dog": 1}]}, "animals.0.dog"),
        ({"name": "a", "zebra": 1}, "zebra"),
        ([], ""),
        (None, ""),
    ],
    ids=str,
)
def test_the_path_is_the_senders(sent: Any, path: str) -> None:
    assert fault(sent).path == path


def test_the_arms_of_a_union_say_together_what_is_expected() -> None:
    told = fault({"name": "a", "animals": [{"kind": "cat", "fish": 1}]})
    assert told.message == "Input should be a valid string or a valid list"


def test_a_validators_words_stand_alone() -> None:
    assert fault({"name": "nobody"}) == FieldFault("name", "nobody has a zoo", "value_error")


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=6,
)
ANIMAL = st.fixed_dictionaries(
    {}, optional={"kind": JSON | st.sampled_from(["dog", "cat"]), "bone": JSON, "fish": JSON}
)


@given(
    st.fixed_dictionaries(
        {},
        optional={
            "name": JSON,
            "wait": JSON,
            "weights": JSON,
            "animals": st.lists(ANIMAL | JSON, max_size=3),
        },
    )
)
def test_every_step_of_a_path_but_a_missing_last_one_is_in_what_was_sent(sent: dict[str, Any]) -> None:
    try:
        Zoo.model_validate(sent)
    except ValidationError as error:
        told = first_fault(error.errors(), sent)
        assert told.path
        _assert_is_there(told, sent)


def _assert_is_there(told: FieldFault, sent: Any) -> None:
    value, steps = sent, told.path.split(".")
    for i, step in enumerate(steps):
        if isinstance(value, Mapping) and step in value:
            value = value[step]
        elif isinstance(value, list) and step.isdecimal():
            value = value[int(step)]
        else:
            assert i == len(steps) - 1
            assert told.kind in ("missing", "union_tag_not_found") or "." in "".join(map(str, sent))
