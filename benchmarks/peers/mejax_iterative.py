"""mejax with its iterative solver, where the case's own command does not ask for that already."""

from . import mejax_peer


def refuses(case) -> str | None:
    if case.beyond or not case.crossed:
        return "the iterative solver is meant for crossed effects"
    if "solver(iterative)" in case.command:
        return "the case's own command asks for it: see mejax"
    return mejax_peer.refuses(case)


def fit(case, frame):
    return mejax_peer.fit_command(iterative(case.command), case, frame)


def iterative(command: str) -> str:
    """The command with that solver, in the place of another where it names one."""
    if "solver(exact)" in command:
        return command.replace("solver(exact)", "solver(iterative)")
    return f"{command}{' ' if ',' in command else ', '}solver(iterative)"
