"""Draws what a command showed on a terminal as an SVG on standard output: the README's picture.

    python3 docs/terminal_svg.py 'tunesmith train …' < shown.txt > docs/run.svg

The text is a terminal's of 96 columns, as it was; the colours follow the reader's light or dark
setting. docs/run.svg is a real run on two cores without a GPU: the screen as it stood at step 300,
and below the bar what was printed after it.
"""

import sys
import textwrap
from html import escape

COLUMNS = 96
WIDTH, HEIGHT, MARGIN = 8.4, 19, 16

STYLE = """
  text { font: 14px ui-monospace, SFMono-Regular, Menlo, Consolas, monospace; fill: #24292f; white-space: pre }
  rect { fill: #f6f8fa; stroke: #d0d7de }
  .command { fill: #0550ae }
  @media (prefers-color-scheme: dark) {
    text { fill: #e6edf3 }
    rect { fill: #0d1117; stroke: #30363d }
    .command { fill: #79c0ff }
  }
"""


def wrap(line, indent):
    return textwrap.wrap(line, COLUMNS, subsequent_indent=indent, drop_whitespace=False) or [""]


def main(command, text):
    lines = [("command", line) for line in wrap(f"$ {command}", "    ")]
    lines += [("", part) for line in text.splitlines() for part in wrap(line, "")]
    width = COLUMNS * WIDTH + 2 * MARGIN
    height = len(lines) * HEIGHT + 2 * MARGIN
    print(f'<svg xmlns="http://www.w3.org/2000/svg" width="{width:.0f}" height="{height}" role="img">')
    print(f"  <title>{escape(command)}</title>\n  <style>{STYLE}</style>")
    print('  <rect x="0.5" y="0.5" width="99.9%" height="99.9%" rx="8"/>')
    for number, (kind, line) in enumerate(lines):
        y = MARGIN + HEIGHT * number + 14
        print(f'  <text x="{MARGIN}" y="{y}" class="{kind}" xml:space="preserve">{escape(line)}</text>')
    print("</svg>")


if __name__ == "__main__":
    main(sys.argv[1], sys.stdin.read())
