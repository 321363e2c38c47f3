"""Writes the files of a newcomer: what spreadsheets, shops and help desks export.

python3 tests/newcomer/make.py, with nothing but the standard library; the files are committed.
"""

import json
import zipfile
from pathlib import Path
from xml.sax.saxutils import escape

HERE = Path(__file__).parent
TICKETS = [
    ("The parcel has not arrived yet", "delivery"),
    ("I was charged twice for one order", "billing"),
    ("I cannot log in with my new password", "account"),
    ("The courier left the box in the rain", "delivery"),
    ("Please send the invoice again", "billing"),
    ("How do I change my e-mail address?", "account"),
]
ROWS = 48


def tickets():
    for row in range(ROWS):
        text, topic = TICKETS[row % len(TICKETS)]
        yield row + 1, f"{text}, order {1000 + 7 * row}", topic


def write(name, text, encoding="utf-8"):
    (HERE / name).write_bytes(text.encode(encoding))


def csv(header, rows, comma=","):
    lines = [header, *rows]
    return "".join(comma.join(f'"{cell}"' if comma in str(cell) else str(cell) for cell in line) + "\r\n" for line in lines)


def sheet(header, rows):
    """The least that a spreadsheet program writes: texts in the cells, numbers as numbers."""

    def cell(column, row, value):
        place = f"{'ABCDEFG'[column]}{row}"
        if isinstance(value, str):
            return f'<c r="{place}" t="inlineStr"><is><t>{escape(value)}</t></is></c>'
        return f'<c r="{place}"><v>{value}</v></c>'

    lines = [
        f'<row r="{number}">' + "".join(cell(column, number, value) for column, value in enumerate(line)) + "</row>"
        for number, line in enumerate([header, *rows], 1)
    ]
    main = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
    office = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
    package = "http://schemas.openxmlformats.org/package/2006"
    head = '<?xml version="1.0" encoding="UTF-8"?>'
    types = "application/vnd.openxmlformats-officedocument.spreadsheetml"
    return {
        "[Content_Types].xml": f'{head}<Types xmlns="{package}/content-types">'
        '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
        f'<Override PartName="/xl/workbook.xml" ContentType="{types}.sheet.main+xml"/>'
        f'<Override PartName="/xl/worksheets/sheet1.xml" ContentType="{types}.worksheet+xml"/></Types>',
        "_rels/.rels": f'{head}<Relationships xmlns="{package}/relationships">'
        f'<Relationship Id="rId1" Type="{office}/officeDocument" Target="xl/workbook.xml"/></Relationships>',
        "xl/workbook.xml": f'{head}<workbook xmlns="{main}" xmlns:r="{office}">'
        '<sheets><sheet name="Tickets" sheetId="1" r:id="rId1"/></sheets></workbook>',
        "xl/_rels/workbook.xml.rels": f'{head}<Relationships xmlns="{package}/relationships">'
        f'<Relationship Id="rId1" Type="{office}/worksheet" Target="worksheets/sheet1.xml"/></Relationships>',
        "xl/worksheets/sheet1.xml": f'{head}<worksheet xmlns="{main}"><sheetData>{"".join(lines)}</sheetData></worksheet>',
    }


def main():
    rows = list(tickets())
    write("semicolons.csv", csv(("Nr", "Text", "Category"), rows, ";"))
    german = {"delivery": "Lieferung", "billing": "Zahlung für Bücher", "account": "Konto"}
    latin = [(text.replace("parcel", "Päckchen für Jürgen"), german[topic]) for _, text, topic in rows]
    write("windows-1252.csv", csv(("text", "topic"), latin), "cp1252")
    array = [{"id": row, "message": text, "intent": topic} for row, text, topic in rows]
    write("array.json", json.dumps(array, indent=1))
    with zipfile.ZipFile(HERE / "tickets.xlsx", "w", zipfile.ZIP_DEFLATED) as book:
        for name, text in sheet(("ticket_id", "subject", "department"), rows).items():
            # Without the time of writing, so that the bytes stay.
            book.writestr(zipfile.ZipInfo(name), text, zipfile.ZIP_DEFLATED)
    write("category.csv", csv(("id", "title", "category"), rows))
    write("missing.csv", csv(("text", "label"), [(text, "" if row % 9 == 0 else topic) for row, text, topic in rows]))
    stars = [(f"{['poor', 'weak', 'fair', 'good', 'great'][row % 5]} value, bought on day {row}", row % 5 + 0.5) for row in range(ROWS)]
    write("numbers.csv", csv(("review", "stars"), stars))
    many = [(f"a question about product {row % 200} in shop {row}", f"product {row % 200}") for row in range(800)]
    write("labels-200.csv", csv(("question", "product"), many))


main()
