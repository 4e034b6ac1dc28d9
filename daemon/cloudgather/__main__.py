"""Arguments in, exit code out: the command cloudgatherd."""

import io
import os
import sys

import click

from cgwire.text import ZH_CN, chosen
from cgwire.version import VERSION

_DEFAULT = "/etc/cloudgather/cloudgather.toml"


class _Context(click.Context):
    """Help is in the language of the locale."""

    def make_formatter(self) -> click.HelpFormatter:
        if chosen(os.environ) != ZH_CN:
            return super().make_formatter()
        from cgwire.text.help import ChineseHelp

        return ChineseHelp(width=self.terminal_width, max_width=self.max_content_width)


class _Command(click.Command):
    context_class = _Context


@click.command(cls=_Command, context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--config", "file", default=_DEFAULT, show_default=True, metavar="FILE", help="The configuration.")
@click.option("--check", is_flag=True, help="Check the configuration and end: 0 if it is right, 78 if not.")
@click.option("--doctor", is_flag=True, help="Look for what commonly goes wrong on this machine, and end.")
@click.option("--json", "as_json", is_flag=True, help="With --check or --doctor: JSON for programs.")
@click.version_option(VERSION, prog_name="cloudgatherd")
def command(file: str, check: bool, doctor: bool, as_json: bool) -> int:
    """Send every finished download to a mounted cloud drive, unattended.

    Runs in the foreground, as any user, until SIGTERM or Ctrl-C; SIGHUP reads the configuration again. Everything it
    writes is where FILE says, so that several daemons can run side by side. Control it with cgctl.

    \b
    Examples:
      cloudgatherd --config ~/cloudgather.toml
      cloudgatherd --config /etc/cloudgather/cloudgather.toml --check
    """
    file = os.path.abspath(file)
    if doctor:
        from cloudgather.doctor.command import main as examine

        return examine(file, as_json=as_json)
    from cloudgather.app import starting  # the daemon's parts take a while to load; --help does not need them

    return int(starting.check(file, as_json=as_json) if check else starting.run(file))


def main() -> None:
    """Run the command and exit with its code."""
    if isinstance(sys.stdout, io.TextIOWrapper):  # None where it is closed
        sys.stdout.reconfigure(errors="backslashreplace")  # an encoding may lack the characters of help
    sys.exit(_run())


def _run() -> int:
    try:
        return int(command.main(standalone_mode=False) or 0)
    except click.UsageError as error:
        if chosen(os.environ) != ZH_CN:
            error.show()
        else:
            from cgwire.text.usage import told

            click.echo(f"cloudgatherd: {told(error.format_message())}（cloudgatherd --help）", err=True)
        return error.exit_code
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except click.Abort:
        return 130


if __name__ == "__main__":
    main()
