"""cgctl completion: scripts that make the shell complete commands and names."""

import click
from click.shell_completion import get_completion_class

from cgctl.options import command
from cgctl.session import Session


@command()
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def completion(session: Session, shell: str) -> None:
    """Print a completion script for a shell; task and target names are completed too.

    \b
    Examples:
      cgctl completion bash > /etc/bash_completion.d/cgctl
      cgctl completion zsh > /usr/local/share/zsh/site-functions/_cgctl
      cgctl completion fish > ~/.config/fish/completions/cgctl.fish
    """
    kind = get_completion_class(shell)
    assert kind is not None
    made = kind(click.get_current_context().find_root().command, {}, "cgctl", "_CGCTL_COMPLETE")
    session.print(made.source_template % made.source_vars())  # not source(): that starts a shell to ask its version
