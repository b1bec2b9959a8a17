"""Exports in the shapes of different systems, with the right answer for every column.

An answer is a canonical column, or several that are all right, joined by a bar; `attributes` where none is meant.
"""

from __future__ import annotations

import csv
import random
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import polars as pl

FIRST = [
    "Ana",
    "Bo",
    "Carl",
    "Dana",
    "Eli",
    "Fay",
    "Gus",
    "Hana",
    "Ivo",
    "June",
    "Kim",
    "Leo",
    "Mia",
    "Nora",
    "Omar",
    "Pia",
    "Quin",
    "Rosa",
    "Sven",
    "Tara",
]
LAST = [
    "Abel",
    "Brandt",
    "Cho",
    "Diaz",
    "Evans",
    "Fischer",
    "Garcia",
    "Huber",
    "Ito",
    "Jansen",
    "Klein",
    "Lopez",
    "Meyer",
    "Novak",
    "Olsen",
    "Park",
]
FIRMS = [
    f"{name} {tail}"
    for name in ["Acme", "Bolt", "Crest", "Delta", "Echo", "Forge", "Grove", "Helix", "Iris", "Jade"]
    for tail in ("AG", "Ltd")
]
RESULTS = ("won", "lost", "open")


@dataclass
class Export:
    """A folder of files and what each file and column is."""

    name: str
    tables: dict[str, str]
    columns: dict[str, dict[str, str]]


@dataclass
class Deal:
    """What every system knows of a deal."""

    number: int
    firm: int
    seller: str
    product: int
    result: str
    amount: Decimal
    start: date
    close: date
    region: str


def deals(count: int = 150, seed: int = 7) -> list[Deal]:
    draw = random.Random(seed)
    sellers = [f"{draw.choice(FIRST)} {name}" for name in LAST[:9]]
    made = []
    for number in range(count):
        start = date(2023, 1, 2) + timedelta(draw.randrange(700))
        made.append(
            Deal(
                number,
                draw.randrange(len(FIRMS)),
                draw.choice(sellers),
                draw.randrange(4),
                draw.choices(RESULTS, (5, 4, 3))[0],
                Decimal(draw.randrange(50_000, 9_000_000)) / 100,
                start,
                start + timedelta(draw.randrange(5, 150)),
                draw.choice(("North", "South", "West")),
            )
        )
    return made


def write(path: Path, header: list[str], rows: list[list[Any]], delimiter: str = ",", encoding: str = "utf-8") -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding=encoding, newline="") as stream:
        writer = csv.writer(stream, delimiter=delimiter)
        writer.writerow(header)
        writer.writerows(rows)


def salesforce(folder: Path) -> Export:
    """Two objects with ids, names and API-like headers; dates as in the United States."""
    made = deals()
    write(
        folder / "Opportunity.csv",
        ["Id", "Name", "AccountId", "StageName", "Amount", "CloseDate", "Type", "LeadSource", "ForecastCategoryName", "OwnerId", "CreatedDate", "IsWon"],
        [
            [
                f"006{deal.number:012d}", f"Deal {deal.number}", f"001{deal.firm:012d}",
                {"won": "Closed Won", "lost": "Closed Lost", "open": "Negotiation/Review"}[deal.result], f"{deal.amount}",
                f"{deal.close:%Y-%m-%d}", "New Customer" if deal.number % 3 else "Existing Customer - Upgrade", "Web",
                "Closed" if deal.result == "won" else "Pipeline", f"005{len(deal.seller):03d}{LAST.index(deal.seller.split()[1]):09d}",
                f"{deal.start:%Y-%m-%d}T09:30:00.000+0000", str(deal.result == "won").lower(),
            ]
            for deal in made
        ],
    )  # fmt: skip
    write(
        folder / "Account.csv",
        [
            "Id",
            "Name",
            "Industry",
            "NumberOfEmployees",
            "AnnualRevenue",
            "Website",
            "BillingCountry",
            "BillingCity",
            "ParentId",
        ],
        [
            [
                f"001{number:012d}",
                firm,
                "Energy" if number % 2 else "Retail",
                number * 10 + 5,
                number * 1_000_000 + 500,
                f"www.{firm.split()[0].lower()}.com",
                "Germany",
                "Berlin",
                "",
            ]
            for number, firm in enumerate(FIRMS)
        ],
    )
    sellers = sorted({deal.seller for deal in made})
    write(
        folder / "User.csv",
        ["Id", "Name", "Email", "UserRole", "ManagerId", "IsActive"],
        [
            [
                f"005{len(name):03d}{LAST.index(name.split()[1]):09d}",
                name,
                f"{name.split()[0].lower()}@x.com",
                "Account Executive",
                "",
                "true",
            ]
            for name in sellers
        ],
    )
    return Export(
        "salesforce",
        {"Opportunity.csv": "opportunities", "Account.csv": "accounts", "User.csv": "people"},
        {
            "Opportunity.csv": {
                "Id": "id", "Name": "name", "AccountId": "account_id", "StageName": "stage", "Amount": "amount", "CloseDate": "closed_at|expected_close_on",
                "Type": "kind", "LeadSource": "attributes", "ForecastCategoryName": "forecast_category", "OwnerId": "owner_id", "CreatedDate": "created_at",
                "IsWon": "attributes",
            },
            "Account.csv": {
                "Id": "id", "Name": "name", "Industry": "industry", "NumberOfEmployees": "employees", "AnnualRevenue": "revenue", "Website": "domain",
                "BillingCountry": "country", "BillingCity": "city", "ParentId": "parent_id",
            },
            "User.csv": {"Id": "id", "Name": "name", "Email": "email", "UserRole": "role", "ManagerId": "manager_id", "IsActive": "attributes"},
        },
    )  # fmt: skip


def hubspot(folder: Path) -> Export:
    """Readable headers, record ids, amounts with currency code, times with a time of day."""
    stages = {"won": "closedwon", "lost": "closedlost", "open": "appointmentscheduled"}
    write(
        folder / "hubspot-crm-exports-all-deals.csv",
        ["Record ID", "Deal Name", "Deal Stage", "Pipeline", "Amount", "Currency", "Create Date", "Close Date", "Deal owner", "Associated Company", "Deal Type", "Closed Lost Reason"],
        [
            [
                9_000_000 + deal.number, f"{FIRMS[deal.firm]} #{deal.number}", stages[deal.result], "Sales Pipeline", f"{deal.amount}", "EUR",
                f"{deal.start:%Y-%m-%d} 08:15", f"{deal.close:%Y-%m-%d} 17:00", deal.seller, FIRMS[deal.firm], "newbusiness",
                "Price" if deal.result == "lost" else "",
            ]
            for deal in deals()
        ],
    )  # fmt: skip
    write(
        folder / "hubspot-crm-exports-all-companies.csv",
        [
            "Record ID",
            "Company name",
            "Company owner",
            "Create Date",
            "Phone Number",
            "City",
            "Country/Region",
            "Industry",
            "Annual Revenue",
            "Company Domain Name",
        ],
        [
            [
                77_000 + number,
                firm,
                "",
                "2022-05-01 10:00",
                "+49 30 123456",
                "Berlin",
                "Germany",
                "COMPUTER_SOFTWARE",
                1_000_000,
                f"{firm.split()[0].lower()}.io",
            ]
            for number, firm in enumerate(FIRMS)
        ],
    )
    return Export(
        "hubspot",
        {"hubspot-crm-exports-all-deals.csv": "opportunities", "hubspot-crm-exports-all-companies.csv": "accounts"},
        {
            "hubspot-crm-exports-all-deals.csv": {
                "Record ID": "id", "Deal Name": "name", "Deal Stage": "stage", "Pipeline": "pipeline", "Amount": "amount", "Currency": "currency",
                "Create Date": "created_at", "Close Date": "closed_at|expected_close_on", "Deal owner": "owner_id", "Associated Company": "account_id",
                "Deal Type": "kind", "Closed Lost Reason": "lost_reason",
            },
            "hubspot-crm-exports-all-companies.csv": {
                "Record ID": "id", "Company name": "name", "Company owner": "owner_id", "Create Date": "created_at", "Phone Number": "attributes",
                "City": "city", "Country/Region": "country", "Industry": "industry", "Annual Revenue": "revenue", "Company Domain Name": "domain",
            },
        },
    )  # fmt: skip


def pipedrive(folder: Path) -> Export:
    """Headers with the object's name before a dash; won and lost times in their own columns."""
    write(
        folder / "deals-12345-1.csv",
        ["Deal - ID", "Deal - Title", "Deal - Value", "Deal - Currency of Value", "Deal - Organization", "Deal - Contact person", "Deal - Pipeline", "Deal - Stage", "Deal - Status", "Deal - Deal created", "Deal - Deal closed on", "Deal - Expected close date", "Deal - Lost reason", "Deal - Owner", "Deal - Label"],
        [
            [
                deal.number + 1, f"{FIRMS[deal.firm]} deal", f"{deal.amount}", "EUR", FIRMS[deal.firm], f"{FIRST[deal.number % 20]} {LAST[deal.number % 16]}", "Pipeline 1",
                ("Qualified", "Demo Scheduled", "Proposal Made")[deal.number % 3], deal.result.capitalize(), f"{deal.start:%Y-%m-%d} 10:11:12",
                f"{deal.close:%Y-%m-%d} 09:08:07" if deal.result != "open" else "", f"{deal.close:%Y-%m-%d}", "Budget" if deal.result == "lost" else "",
                deal.seller, "",
            ]
            for deal in deals()
        ],
    )  # fmt: skip
    return Export(
        "pipedrive",
        {"deals-12345-1.csv": "opportunities"},
        {
            "deals-12345-1.csv": {
                "Deal - ID": "id", "Deal - Title": "name", "Deal - Value": "amount", "Deal - Currency of Value": "currency", "Deal - Organization": "account_id",
                "Deal - Contact person": "contact_id", "Deal - Pipeline": "pipeline", "Deal - Stage": "stage", "Deal - Status": "status",
                "Deal - Deal created": "created_at", "Deal - Deal closed on": "closed_at", "Deal - Expected close date": "expected_close_on",
                "Deal - Lost reason": "lost_reason", "Deal - Owner": "owner_id", "Deal - Label": "attributes",
            }
        },
    )  # fmt: skip


def korean(folder: Path) -> Export:
    """Korean headers, stages, dates and won with thousands; in the encoding of Korean spreadsheets."""
    stages = {"won": "성사", "lost": "실패", "open": "제안"}
    write(
        folder / "영업기회.csv",
        ["기회번호", "영업기회명", "고객사", "담당자", "제품", "영업단계", "예상금액", "등록일", "종료일", "지역", "실패사유", "비고"],
        [
            [
                f"OP-{deal.number:05d}", f"{deal.number}차 공급", f"고객{deal.firm}", f"김{deal.seller.split()[1]}", f"제품{deal.product}", stages[deal.result],
                f"{int(deal.amount) * 1000:,}원", f"{deal.start:%Y. }{deal.start.month}. {deal.start.day}.", f"{deal.close:%Y. }{deal.close.month}. {deal.close.day}." if deal.result != "open" else "",
                "서울" if deal.number % 2 else "부산", "가격" if deal.result == "lost" else "", "",
            ]
            for deal in deals()
        ],
        encoding="cp949",
    )  # fmt: skip
    write(
        folder / "고객사.csv",
        ["고객사명", "업종", "임직원수", "매출(백만원)", "도시"],
        [[f"고객{number}", "제조", 100 + number, 5_000 + number, "서울"] for number in range(len(FIRMS))],
        encoding="cp949",
    )
    return Export(
        "korean",
        {"영업기회.csv": "opportunities", "고객사.csv": "accounts"},
        {
            "영업기회.csv": {
                "기회번호": "id", "영업기회명": "name", "고객사": "account_id", "담당자": "owner_id", "제품": "product_id", "영업단계": "stage",
                "예상금액": "amount", "등록일": "created_at", "종료일": "closed_at", "지역": "region", "실패사유": "lost_reason", "비고": "attributes",
            },
            "고객사.csv": {"고객사명": "name", "업종": "industry", "임직원수": "employees", "매출(백만원)": "revenue", "도시": "city"},
        },
    )  # fmt: skip


def american(folder: Path) -> Export:
    """A spreadsheet of a US team: month first, dollars with signs and commas, brackets for negatives."""
    write(
        folder / "Q4 pipeline.csv",
        ["Opp #", "Customer", "Sales Rep", "Territory", "Product Line", "Deal Size", "Open Date", "Won/Lost Date", "Outcome", "Notes"],
        [
            [
                f"A{deal.number}", FIRMS[deal.firm], deal.seller, deal.region, f"P{deal.product}", f"${deal.amount:,.2f}", f"{deal.start:%m/%d/%Y}",
                f"{deal.close:%m/%d/%Y}" if deal.result != "open" else "", deal.result.upper() if deal.result != "open" else "Pending", "call back",
            ]
            for deal in deals()
        ],
    )  # fmt: skip
    return Export(
        "american",
        {"Q4 pipeline.csv": "opportunities"},
        {
            "Q4 pipeline.csv": {
                "Opp #": "id", "Customer": "account_id", "Sales Rep": "owner_id", "Territory": "region", "Product Line": "product_id|attributes",
                "Deal Size": "amount", "Open Date": "created_at", "Won/Lost Date": "closed_at", "Outcome": "status|stage", "Notes": "attributes",
            }
        },
    )  # fmt: skip


def european(folder: Path) -> Export:
    """Semicolons, decimal commas, days with dots, accents of an older encoding; orders beside deals."""
    write(
        folder / "deals.csv",
        ["Deal ID", "Company", "Owner", "Phase", "Value (EUR)", "Start date", "End date"],
        [
            [
                deal.number, f"Société {FIRMS[deal.firm]}", deal.seller, {"won": "Won", "lost": "Lost", "open": "Offer sent"}[deal.result],
                f"{deal.amount:,.2f}".replace(",", " ").replace(".", ",").replace(" ", "."), f"{deal.start:%d.%m.%Y}",
                f"{deal.close:%d.%m.%Y}" if deal.result != "open" else "",
            ]
            for deal in deals()
        ],
        delimiter=";",
        encoding="cp1252",
    )  # fmt: skip
    write(
        folder / "orders.csv",
        ["Order No", "Customer", "Item", "Qty", "Unit price", "Total amount", "Order date", "Ship date"],
        [
            [
                f"B{deal.number}",
                f"Société {FIRMS[deal.firm]}",
                f"P{deal.product}",
                2,
                f"{deal.amount / 2:.3f}".replace(".", ","),
                f"{deal.amount}".replace(".", ","),
                f"{deal.close:%d.%m.%Y}",
                "",
            ]
            for deal in deals()
            if deal.result == "won"
        ],
        delimiter=";",
        encoding="cp1252",
    )
    return Export(
        "european",
        {"deals.csv": "opportunities", "orders.csv": "orders"},
        {
            "deals.csv": {
                "Deal ID": "id", "Company": "account_id", "Owner": "owner_id", "Phase": "stage", "Value (EUR)": "amount", "Start date": "created_at", "End date": "closed_at",
            },
            "orders.csv": {
                "Order No": "id", "Customer": "account_id", "Item": "product_id", "Qty": "quantity", "Unit price": "unit_price", "Total amount": "amount",
                "Order date": "ordered_at", "Ship date": "shipped_at",
            },
        },
    )  # fmt: skip


def parquet(folder: Path) -> Export:
    """Typed files of a warehouse: deals in parts, sellers and activities in one file each."""
    made = deals()
    place = folder / "crm_deals"
    place.mkdir(parents=True)
    frame = pl.DataFrame(
        {
            "deal_key": [deal.number for deal in made],
            "customer_name": [FIRMS[deal.firm] for deal in made],
            "rep_email": [f"{deal.seller.replace(' ', '.').lower()}@x.com" for deal in made],
            "deal_status": [deal.result for deal in made],
            "deal_value": pl.Series([deal.amount for deal in made], dtype=pl.Decimal(18, 2)),
            "opened_on": [deal.start for deal in made],
            "closed_at": [
                datetime(deal.close.year, deal.close.month, deal.close.day, 12) if deal.result != "open" else None
                for deal in made
            ],
            "etl_batch": [1] * len(made),
        }
    )
    frame.head(80).write_parquet(place / "part-0.parquet")
    frame.tail(-80).write_parquet(place / "part-1.parquet")
    sellers = sorted({deal.seller for deal in made})
    pl.DataFrame(
        {
            "employee_id": [f"E{number}" for number in range(len(sellers))],
            "full_name": sellers,
            "work_email": [f"{name.replace(' ', '.').lower()}@x.com" for name in sellers],
            "department": ["Sales"] * len(sellers),
            "hire_date": [date(2020, 1, 6)] * len(sellers),
        }
    ).write_parquet(folder / "employees.parquet")
    pl.DataFrame(
        {
            "activity_id": list(range(300)),
            "deal_key": [number % len(made) for number in range(300)],
            "activity_type": [("Call", "Meeting", "E-mail")[number % 3] for number in range(300)],
            "start_time": [datetime(2023, 5, 1, 9) + timedelta(hours=number) for number in range(300)],
            "duration_minutes": [15.0 + number % 30 for number in range(300)],
            "user": [sellers[number % len(sellers)] for number in range(300)],
        }
    ).write_parquet(folder / "activities.parquet")
    return Export(
        "parquet",
        {"crm_deals/": "opportunities", "employees.parquet": "people", "activities.parquet": "activities"},
        {
            "crm_deals/": {
                "deal_key": "id", "customer_name": "account_id", "rep_email": "owner_id", "deal_status": "status", "deal_value": "amount",
                "opened_on": "created_at", "closed_at": "closed_at", "etl_batch": "attributes",
            },
            "employees.parquet": {"employee_id": "id", "full_name": "name", "work_email": "email", "department": "team", "hire_date": "hired_on"},
            "activities.parquet": {
                "activity_id": "id", "deal_key": "opportunity_id", "activity_type": "kind", "start_time": "started_at",
                "duration_minutes": "duration_minutes", "user": "owner_id",
            },
        },
    )  # fmt: skip


def minimal(folder: Path) -> Export:
    """Four columns that someone keeps by hand, in a file whose name says nothing."""
    write(
        folder / "Sheet1.csv",
        ["Deal", "Rep", "Value", "Won date"],
        [
            [
                f"Deal {deal.number}",
                deal.seller,
                f"{deal.amount}",
                f"{deal.close:%Y-%m-%d}" if deal.result == "won" else "",
            ]
            for deal in deals(40)
        ],
    )
    return Export(
        "minimal",
        {"Sheet1.csv": "opportunities"},
        {"Sheet1.csv": {"Deal": "name|id", "Rep": "owner_id", "Value": "amount", "Won date": "closed_at"}},
    )


SHAPES: tuple[Callable[[Path], Export], ...] = (
    salesforce, hubspot, pipedrive, korean, american, european, parquet, minimal,
)  # fmt: skip
