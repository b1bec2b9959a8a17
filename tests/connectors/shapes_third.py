"""Shapes that were written before the guess was tried on them; the score of that first try is in the test.

What was wrong then was mended since, by rules and words that other exports use too.
"""

from __future__ import annotations

from shape_maker import Shape, Sheet

THIRD: tuple[Shape, ...] = (
    Shape(
        "construction_bids",
        (
            Sheet(
                "Bid register.csv", "opportunities", "deal",
                (
                    ("Bid No", "code", "id"), ("Project", "title", "name"), ("Client", "firm", "account_id"), ("Estimator", "seller", "owner_id"), ("Bid amount", "amount:us", "amount"), ("Result", "result:Awarded/Not awarded/Submitted", "status|stage"),
                    ("Tender date", "start:%m/%d/%Y", "created_at"), ("Award date", "close:%m/%d/%Y", "closed_at"), ("Remarks", "note", "attributes"),
                ),
            ),
        ),
    ),
    Shape(
        "french_orders",
        (
            Sheet(
                "commandes.csv", "orders", "deal",
                (
                    ("N° commande", "invoice", "id"), ("Client", "firm", "account_id"), ("Référence", "sku", "product_id"), ("Quantité", "quantity", "quantity"), ("Prix unitaire", "price:eu", "unit_price"), ("Montant HT", "total:eu", "amount"),
                    ("Date de commande", "start:%d/%m/%Y", "ordered_at"), ("Date d'expédition", "shipped:%d/%m/%Y", "shipped_at"),
                ),
                delimiter=";", encoding="cp1252",
            ),
        ),
    ),
    Shape(
        "saas_accounts",
        (
            Sheet(
                "workspaces.csv", "accounts", "firm",
                (("workspace_id", "firm_uuid", "id"), ("company", "firm", "name"), ("primary_domain", "domain", "domain"), ("industry_vertical", "industry", "industry"), ("team_size", "employees", "employees"), ("billing_country_code", "country", "country"), ("plan_tier", "size", "segment|attributes")),
            ),
            Sheet(
                "upgrades.csv", "opportunities", "deal",
                (("upgrade_id", "uuid", "id"), ("workspace_id", "firm_uuid", "account_id"), ("csm", "seller", "owner_id"), ("deal_stage", "stage", "stage"), ("expansion_arr", "amount", "amount"), ("opened_at", "start:%Y-%m-%dT08:00:00Z", "created_at"), ("closed_at", "close:%Y-%m-%dT08:00:00Z", "closed_at")),
            ),
        ),
    ),
    Shape(
        "korean_leads",
        (
            Sheet(
                "문의 접수 목록.csv", "leads", "deal",
                (("접수번호", "number", "id"), ("접수일시", "start:%Y-%m-%d 11:00", "created_at"), ("회사명", "firm_ko", "company"), ("문의자", "seller_ko", "name"), ("이메일 주소", "contact_mail", "email"), ("전화번호", "contact_phone", "phone"), ("유입 경로", "channel", "channel"), ("처리 상태", "result:전환/부적격/진행중", "status")),
            ),
        ),
    ),
    Shape(
        "team_quotas",
        (
            Sheet("FY26 team quotas.csv", "targets", "seller", (("Team", "seller_code", "member"), ("FY26 Q1", "pay", "amount"), ("FY26 Q2", "pay", "amount"), ("FY26 Q3", "pay", "amount"), ("FY26 Q4", "pay", "amount"))),
        ),
    ),
    Shape(
        "visit_reports",
        (
            Sheet(
                "Besuchsberichte.csv", "activities", "deal",
                (("Besuchsdatum", "start:%d.%m.%Y", "started_at"), ("Außendienst", "seller", "owner_id"), ("Kunde", "firm", "account_id"), ("Art", "act", "kind"), ("Dauer (Min)", "minutes", "duration_minutes"), ("Ergebnis", "note", "outcome|attributes")),
                delimiter=";",
            ),
        ),
    ),
)  # fmt: skip
