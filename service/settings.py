"""Every knob of the service: flags over environment (`NBEST_…`) over the YAML file over these defaults."""

import difflib
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, Literal

import yaml
from pydantic import Field, field_validator
from pydantic_settings import (
    BaseSettings,
    InitSettingsSource,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    YamlConfigSettingsSource,
)

from service.admission.settings import Limits
from service.engine.settings import EngineSettings
from service.keys.settings import KeySettings
from service.observability.settings import LogFormat
from service.reward_models.loading.registry import AnyScorer
from service.reward_models.pooling.settings import ScorerSettings
from service.supervision.settings import SupervisionSettings
from strategies.base.errors import StartError
from strategies.base.frozen_model import FrozenModel

_OTHER_VARIABLES: Final = frozenset(
    f"NBEST_{name}"
    for name in ["API_KEY", "CACHE_DIR", "DEBUG", "DEVICE", "EMBEDDED_DIR", "MODELS", "PROFILE"]
)
"""Variables of ours that are no settings: they are read before there are any, or by the deployment."""


class ServerSettings(FrozenModel):
    """Where the service listens."""

    host: str = Field("127.0.0.1", description="Address to bind.")
    port: int = Field(8000, ge=0, le=65535, description="Port to bind; 0 picks a free one.")
    log_level: Literal["debug", "info", "warning", "error"] = Field("info", description="Least level logged.")
    log_format: LogFormat = Field(
        "auto", description="How log lines look (`auto`: for people on a terminal, JSON elsewhere)."
    )
    traces_endpoint: str | None = Field(
        None,
        description="OTLP/HTTP collector that gets the traces, as `http://127.0.0.1:4318/v1/traces` (default: none,"
        " or what OpenTelemetry's own variables name).",
    )
    allow_unauthenticated: bool = Field(
        False, description="Listen on an address that others reach although no keys are configured."
    )
    drain_timeout_s: float = Field(
        60.0, ge=0, description="Seconds that requests in flight get after SIGTERM."
    )
    drain_notice_s: float = Field(
        0.0, ge=0, description="Seconds after SIGTERM in which `/ready` says 503 before the port closes."
    )


class Settings(BaseSettings):
    """The whole configuration of one service."""

    model_config = SettingsConfigDict(
        env_prefix="NBEST_",
        env_nested_delimiter="__",
        extra="forbid",
        frozen=True,
        nested_model_default_partial_update=True,
    )

    server: ServerSettings = Field(default_factory=ServerSettings, description="Where the service listens.")
    engine: EngineSettings = Field(default_factory=EngineSettings, description="The generator.")
    scorers: list[AnyScorer] | None = Field(
        None, description="The reward models (default: the embedded one, as `outcome` and as `step`)."
    )
    generators: dict[str, EngineSettings] = Field(
        default_factory=dict, description="Further generators that a request may name as its fusor."
    )
    limits: Limits = Field(default_factory=Limits, description="What requests may ask for.")
    keys: list[KeySettings] = Field(
        default_factory=list, description="Who may use the service; without any, everybody may."
    )
    supervision: SupervisionSettings = Field(
        default_factory=SupervisionSettings, description="The watch over the engines."
    )
    presets: dict[str, dict[str, Any]] = Field(
        default_factory=dict,
        description="Strategies by model name: each a `strategy` object as in a request.",
    )
    sharing: Literal["auto", "alternate", "overlap"] = Field(
        "auto",
        description="Whether generator and scorers take turns on the device (`auto`: they do on CPU cores they share).",
    )

    @field_validator("scorers")
    @classmethod
    def _names_are_unique(cls, scorers: list[AnyScorer] | None) -> list[AnyScorer] | None:
        names = [scorer.name for scorer in scorers or ()]
        if doubled := {n for n in names if names.count(n) > 1}:
            raise ValueError(f"scorer names must differ; repeated: {sorted(doubled)}")
        return scorers

    @field_validator("keys")
    @classmethod
    def _keys_differ(cls, keys: list[KeySettings]) -> list[KeySettings]:
        for what in ("name", "sha256"):
            if len({getattr(key, what) for key in keys}) < len(keys):
                raise ValueError(f"keys must differ in {what}")
        return keys

    @property
    def loaded_scorers(self) -> list[AnyScorer]:
        """The scorers to load; where none are named, the default pair, played by a script beside a scripted engine."""
        if self.scorers is not None:
            return self.scorers
        backend = self.engine.backend
        return [
            ScorerSettings(name="outcome", kind="outcome", backend=backend, label=0),
            ScorerSettings(name="step", kind="step", backend=backend, label=1, activation="sigmoid"),
        ]

    @classmethod
    def load(cls, config: Path | None = None, **flags: Any) -> "Settings":
        """Merge the sources; `flags` are nested dictionaries of what was given on the command line.

        ValidationError for a value that a setting cannot have; StartError for a variable of the environment that is
        no setting or is empty, and for a file that is no YAML.
        """
        check_environment(os.environ)

        class Sourced(cls):  # type: ignore[valid-type,misc]  # the sources depend on the arguments
            @classmethod
            def settings_customise_sources(
                cls,
                settings_cls: type[BaseSettings],
                init_settings: PydanticBaseSettingsSource,
                env_settings: PydanticBaseSettingsSource,
                dotenv_settings: PydanticBaseSettingsSource,
                file_secret_settings: PydanticBaseSettingsSource,
            ) -> tuple[PydanticBaseSettingsSource, ...]:
                sources: list[PydanticBaseSettingsSource] = [
                    InitSettingsSource(settings_cls, flags),
                    env_settings,
                ]
                if config is not None:
                    sources.append(_file(settings_cls, config))
                return tuple(sources)

        return cls.model_validate(Sourced().model_dump(exclude_unset=True))


def check_environment(environment: Mapping[str, str]) -> None:
    """StartError for a variable that looks like a setting and is none, or that is set and empty."""
    for name, value in environment.items():
        if not name.startswith("NBEST_") or name in _OTHER_VARIABLES:
            continue
        section = name.removeprefix("NBEST_").split("__")[0].lower()
        if section not in Settings.model_fields:
            known = [f"NBEST_{field.upper()}" for field in Settings.model_fields]
            near = difflib.get_close_matches(f"NBEST_{section.upper()}", known, 1) or [", ".join(known)]
            raise StartError(f"the environment variable {name} is no setting; did you mean {near[0]}…?")
        if not value.strip():
            raise StartError(f"the environment variable {name} is empty: unset it, or give it a value")


def _file(settings: type[BaseSettings], path: Path) -> YamlConfigSettingsSource:
    """The settings of a file; StartError, with the place, for one that is no YAML or no mapping."""
    try:
        source = YamlConfigSettingsSource(settings, yaml_file=path)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        place = f", line {mark.line + 1}, column {mark.column + 1}" if mark else ""
        raise StartError(f"{path}{place}: {error.problem or 'no YAML'}") from error
    except (yaml.YAMLError, UnicodeDecodeError, OSError, TypeError, ValueError) as error:
        raise StartError(f"{path}: {' '.join(str(error).split())}") from error
    return source
