"""`nbest serve`: the service, until it is told to stop."""

from typing import Annotated, Any

import typer

from service.cli.options import ConfigFile, Set, given, plain_errors, settings_from

_SERVER, _ENGINE, _SCORERS = "Server", "Engine", "Scorers"


def serve(
    host: Annotated[str | None, typer.Option(help="Address to bind.", rich_help_panel=_SERVER)] = None,
    port: Annotated[
        int | None, typer.Option(help="Port to bind (default 8000).", rich_help_panel=_SERVER)
    ] = None,
    log_level: Annotated[
        str | None, typer.Option(help="Least level logged.", rich_help_panel=_SERVER)
    ] = None,
    engine: Annotated[str | None, typer.Option(help="`vllm` or `scripted`.", rich_help_panel=_ENGINE)] = None,
    model: Annotated[
        str | None, typer.Option(help="`embedded`, or a model folder.", rich_help_panel=_ENGINE)
    ] = None,
    served_name: Annotated[
        str | None, typer.Option(help="Name in /v1/models.", rich_help_panel=_ENGINE)
    ] = None,
    dtype: Annotated[str | None, typer.Option(help="Weights' type.", rich_help_panel=_ENGINE)] = None,
    max_model_len: Annotated[
        int | None, typer.Option(help="Longest sequence.", rich_help_panel=_ENGINE)
    ] = None,
    max_num_seqs: Annotated[
        int | None, typer.Option(help="Candidates at once.", rich_help_panel=_ENGINE)
    ] = None,
    tensor_parallel_size: Annotated[
        int | None, typer.Option(help="GPUs a copy.", rich_help_panel=_ENGINE)
    ] = None,
    sharing: Annotated[
        str | None,
        typer.Option(help="`auto`, `alternate` or `overlap` with the generator.", rich_help_panel=_SCORERS),
    ] = None,
    config: ConfigFile = None,
    set_: Set = None,
) -> None:
    """Serve over HTTP until SIGTERM."""
    flags: dict[str, Any] = {"server": given(host=host, port=port, log_level=log_level)}
    flags["engine"] = given(
        backend=engine,
        model=model,
        served_model_name=served_name,
        dtype=dtype,
        max_model_len=max_model_len,
        max_num_seqs=max_num_seqs,
        tensor_parallel_size=tensor_parallel_size,
    )
    settings = settings_from(config, set_, flags | given(sharing=sharing))
    from service.server import serve as run

    with plain_errors():
        run(settings)
