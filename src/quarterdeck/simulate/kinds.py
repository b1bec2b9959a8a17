"""The three kinds of company: what they sell, to whom, through which stages, and what serving it takes."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Product:
    """A product. Buyers with about `size` employees prefer it; `units` is the units sold per 100 employees.

    `hours` are delivery hours (of a customer, or of a unit where `per` says so) spread over `spread` months from the
    month after the booking; `support` hours a month follow while a subscription runs. A bought product comes from a
    supplier through the stock.
    """

    name: str
    family: str
    price: float
    cost: float
    size: float
    units: float
    term: int = 0
    hours: float = 0.0
    spread: int = 1
    support: float = 0.0
    per: str = "customer"
    is_bought: bool = False


@dataclass(frozen=True, slots=True)
class Region:
    """A sales region: its share of the market, and cities with latitude and longitude."""

    name: str
    country: str
    weight: float
    cities: tuple[tuple[str, float, float], ...]


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of company. `stages` are open stages with the seller's hours that each takes of a typical deal.

    `hurdle` is the conviction that customers need to buy, `leads` the leads that come for an opportunity, `bulk` the
    power of the customer's size with which the units it buys grow.
    """

    name: str
    products: tuple[Product, ...]
    industries: tuple[tuple[str, float, float], ...]
    stages: tuple[tuple[str, float], ...]
    season: tuple[float, ...]
    employees: float
    deals_per_seller: float
    hurdle: float
    repeat_rate: float
    elasticity: float
    delivery_role: str
    delivery_unit: str
    supplier: str
    growth: float
    leads: float
    bulk: float


REGIONS: tuple[Region, ...] = (
    Region(
        "West",
        "US",
        0.30,
        (
            ("San Francisco", 37.77, -122.42),
            ("Seattle", 47.61, -122.33),
            ("Denver", 39.74, -104.99),
            ("Phoenix", 33.45, -112.07),
        ),
    ),
    Region(
        "Central",
        "US",
        0.24,
        (
            ("Chicago", 41.88, -87.63),
            ("Dallas", 32.78, -96.80),
            ("Minneapolis", 44.98, -93.27),
            ("Austin", 30.27, -97.74),
        ),
    ),
    Region(
        "East",
        "US",
        0.28,
        (("New York", 40.71, -74.01), ("Boston", 42.36, -71.06), ("Atlanta", 33.75, -84.39), ("Miami", 25.76, -80.19)),
    ),
    Region(
        "Europe",
        "GB",
        0.18,
        (
            ("London", 51.51, -0.13),
            ("Manchester", 53.48, -2.24),
            ("Edinburgh", 55.95, -3.19),
            ("Bristol", 51.45, -2.59),
        ),
    ),
)

INDUSTRIES: tuple[tuple[str, float, float], ...] = (
    ("Software", 0.18, 0.7),
    ("Finance", 0.14, 0.4),
    ("Healthcare", 0.14, 0.1),
    ("Retail", 0.15, -0.2),
    ("Manufacturing", 0.15, -0.1),
    ("Logistics", 0.10, 0.3),
    ("Education", 0.07, -0.6),
    ("Energy", 0.07, -0.3),
)

SOFTWARE = Kind(
    name="software",
    products=(
        Product("Starter", "Platform", 240, 24, 35, 28, term=12, hours=10, spread=1, support=0.8),
        Product("Team", "Platform", 420, 42, 160, 18, term=12, hours=34, spread=2, support=2.0),
        Product("Enterprise", "Platform", 600, 66, 1100, 9, term=12, hours=110, spread=3, support=5.0),
        Product("Analytics", "Insight", 180, 15, 350, 12, term=12, hours=18, spread=1, support=1.0),
    ),
    industries=INDUSTRIES,
    stages=(("Qualification", 2.5), ("Discovery", 4.0), ("Demo", 4.0), ("Proposal", 4.5), ("Negotiation", 4.0)),
    season=(0.90, 0.96, 1.10, 0.97, 1.00, 1.10, 0.84, 0.82, 1.10, 1.05, 1.06, 1.10),
    employees=140,
    deals_per_seller=4.9,
    hurdle=0.52,
    repeat_rate=0.05,
    elasticity=1.3,
    delivery_role="Onboarding specialists",
    delivery_unit="hours",
    supplier="Onboarding partner",
    growth=0.28,
    leads=3.75,
    bulk=0.85,
)

AGENCY = Kind(
    name="agency",
    products=(
        Product("Website", "Build", 38000, 16000, 120, 0.9, hours=220, spread=3, per="unit"),
        Product("Campaign", "Media", 24000, 11000, 250, 0.6, hours=120, spread=2, per="unit"),
        Product("Brand sprint", "Strategy", 15000, 6000, 80, 1.0, hours=70, spread=1, per="unit"),
        Product("Retainer", "Care", 54000, 26000, 400, 0.4, term=12, hours=30, spread=1, support=24.0),
    ),
    industries=tuple(
        (name, weight, fit)
        for (name, weight, _), fit in zip(INDUSTRIES, (0.2, 0.1, 0.2, 0.6, -0.2, -0.3, 0.3, -0.5), strict=True)
    ),
    stages=(("Brief", 3.0), ("Chemistry", 4.0), ("Pitch", 9.0), ("Contract", 3.0)),
    season=(1.05, 1.05, 1.10, 1.00, 0.98, 0.95, 0.80, 0.75, 1.12, 1.12, 1.10, 0.90),
    employees=170,
    deals_per_seller=4.6,
    hurdle=-0.10,
    repeat_rate=0.06,
    elasticity=1.0,
    delivery_role="Creative team",
    delivery_unit="hours",
    supplier="Freelance studio",
    growth=0.12,
    leads=4.9,
    bulk=0.4,
)

MANUFACTURER = Kind(
    name="manufacturer",
    products=(
        Product("Valve V2", "Valves", 160, 92, 120, 40, hours=0.15, per="unit"),
        Product("Pump P10", "Pumps", 1250, 720, 250, 8, hours=1.2, per="unit"),
        Product("Pump P50", "Pumps", 4900, 2900, 900, 2, hours=4.5, per="unit"),
        Product("Controller C1", "Controls", 880, 410, 350, 5, per="unit", is_bought=True),
    ),
    industries=tuple(
        (name, weight, fit)
        for (name, weight, _), fit in zip(INDUSTRIES, (-0.8, -0.8, 0.1, -0.4, 0.7, 0.2, -0.5, 0.8), strict=True)
    ),
    stages=(("Enquiry", 2.0), ("Specification", 5.0), ("Quotation", 4.0), ("Negotiation", 4.0)),
    season=(0.86, 0.92, 1.08, 1.12, 1.12, 1.06, 0.94, 0.86, 1.06, 1.08, 1.00, 0.90),
    employees=260,
    deals_per_seller=5.2,
    hurdle=0.52,
    repeat_rate=0.20,
    elasticity=1.6,
    delivery_role="Assembly line",
    delivery_unit="hours",
    supplier="Contract manufacturer",
    growth=0.10,
    leads=6.3,
    bulk=0.75,
)

KINDS: dict[str, Kind] = {kind.name: kind for kind in (SOFTWARE, AGENCY, MANUFACTURER)}

PRICE_LEVEL: dict[str, float] = {
    "KRW": 1300.0,
    "JPY": 150.0,
    "EUR": 0.92,
    "GBP": 0.79,
    "CHF": 0.9,
    "INR": 83.0,
    "CNY": 7.2,
}
"""What a unit of USD costs, roughly, so that prices look right in other currencies."""
