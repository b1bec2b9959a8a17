"""Shapes that were written before the guess was tried on them; the score of that first try is in the test.

What was wrong then was mended since, by rules and words that other exports use too.
"""

from __future__ import annotations

from shape_maker import Shape, Sheet

SECOND: tuple[Shape, ...] = (
    Shape(
        "agency_tracker",
        (
            Sheet(
                "New business tracker.csv", "opportunities", "deal",
                (
                    ("Ref.", "code", "id"), ("Brand", "firm", "account_id"), ("Pitch", "title", "name"), ("Lead partner", "seller", "owner_id"), ("Fee (USD)", "amount:us", "amount"),
                    ("Where we are", "stage", "stage"), ("Pitched on", "start:%d-%b-%y", "created_at"), ("Decision date", "close:%d-%b-%y", "closed_at"), ("Why we lost", "reason", "lost_reason"),
                    ("Chance", "percent", "attributes"),
                ),
            ),
        ),
    ),
    Shape(
        "italian_sheet",
        (
            Sheet(
                "trattative.csv", "opportunities", "deal",
                (
                    ("Codice", "code", "id"), ("Cliente", "firm", "account_id"), ("Agente", "seller", "owner_id"), ("Valore", "amount:eu", "amount"), ("Esito", "result:Vinta/Persa/Aperta", "status|stage"),
                    ("Data apertura", "start:%d/%m/%Y", "created_at"), ("Data chiusura", "close:%d/%m/%Y", "closed_at"), ("Note", "note", "attributes"),
                ),
                delimiter=";",
            ),
        ),
    ),
    Shape(
        "korean_small_crm",
        (
            Sheet(
                "딜 목록.csv", "opportunities", "deal",
                (
                    ("딜 ID", "number", "id"), ("딜 제목", "title", "name"), ("회사", "firm_ko", "account_id"), ("딜 담당자", "seller_ko", "owner_id"), ("딜 금액", "amount:krw", "amount"),
                    ("현재 단계", "result:수주완료/실주/협상", "stage|status"), ("생성 시각", "start:%Y-%m-%d 10:00", "created_at"), ("성사/실패 날짜", "close:%Y-%m-%d", "closed_at"), ("실패 원인", "reason", "lost_reason"),
                ),
            ),
            Sheet(
                "회사 목록.csv", "accounts", "firm",
                (("회사 ID", "firm_id", "id"), ("회사 이름", "firm_ko", "name"), ("산업 분류", "industry", "industry"), ("사원 수", "employees", "employees"), ("웹사이트 주소", "site", "domain")),
            ),
        ),
    ),
    Shape(
        "billing_platform",
        (
            Sheet(
                "invoices_2024.csv", "invoices", "deal",
                (
                    ("id", "hash", "id"), ("customer_email", "contact_mail", "attributes|account_id"), ("customer_id", "firm_code", "account_id|attributes"), ("created", "start:epoch_s", "invoiced_at"),
                    ("due_date", "due:epoch_s", "due_on"), ("amount_due", "amount", "amount"), ("currency", "currency", "currency"), ("paid", "=true", "attributes"), ("livemode", "=true", "attributes"),
                ),
            ),
            Sheet(
                "customers.csv", "accounts", "firm",
                (("id", "firm_code", "id"), ("name", "firm", "name"), ("address_country", "country", "country"), ("address_city", "city", "city"), ("delinquent", "=false", "attributes")),
            ),
        ),
    ),
    Shape(
        "dimensional_warehouse",
        (
            Sheet(
                "FCT_SALES_OPP.csv", "opportunities", "deal",
                (
                    ("OPP_KEY", "number", "id"), ("ACCT_KEY", "firm_id", "account_id"), ("EMP_KEY", "seller_id", "owner_id"), ("PROD_KEY", "product_id", "product_id"), ("OPP_AMT_USD", "amount", "amount"),
                    ("OPP_STATUS_DESC", "result:WON/LOST/OPEN", "status|stage"), ("OPEN_DT", "start:%Y-%m-%d", "created_at"), ("CLOSE_DT", "close:%Y-%m-%d", "closed_at"), ("ETL_LOAD_TS", "=2025-01-01 00:00:00", "attributes"),
                ),
            ),
            Sheet("DIM_ACCT.csv", "accounts", "firm", (("ACCT_KEY", "firm_id", "id"), ("ACCT_NAME", "firm", "name"), ("SEGMENT_DESC", "size", "segment"), ("CITY_NM", "city", "city"))),
            Sheet("DIM_EMP.csv", "people", "seller", (("EMP_KEY", "seller_id", "id"), ("EMP_FULL_NM", "seller", "name"), ("HIRE_DT", "hired:%Y-%m-%d", "hired_on"), ("MGR_NM", "boss", "manager_id"))),
            Sheet("DIM_PROD.csv", "products", "product", (("PROD_KEY", "product_id", "id"), ("PROD_NM", "product", "name"), ("PROD_LINE", "line", "family"), ("LIST_PRC", "price", "unit_price"))),
        ),
    ),
    Shape(
        "webinar_registrations",
        (
            Sheet(
                "Registrants.csv", "leads", "deal",
                (
                    ("First name", "contact_given", "name"), ("Surname", "contact_family", "name"), ("Business email", "contact_mail", "email"), ("Organisation", "firm", "company"), ("Job role", "contact_title", "title"),
                    ("Country", "country", "country"), ("Registered on", "start:%m/%d/%Y 09:05", "created_at"), ("How did you hear about us?", "channel", "channel"), ("Attended", "result:Yes/No/No", "attributes"),
                ),
            ),
        ),
    ),
    Shape(
        "year_plan_in_korean",
        (
            Sheet(
                "2025년 영업본부 목표.csv", "targets", "seller",
                (("성명", "seller_ko", "member"), *((f"{month}월", "pay", "amount") for month in range(1, 13)), ("합계", "pay", "attributes")),
            ),
        ),
    ),
    Shape(
        "dispatch_list",
        (
            Sheet(
                "Orders shipped.csv", "orders", "deal",
                (
                    ("Order", "invoice", "id"), ("Ship-to customer", "firm", "account_id"), ("Item code", "sku", "product_id"), ("Pcs", "quantity", "quantity"), ("Unit price EUR", "price", "unit_price"),
                    ("Order value EUR", "total", "amount"), ("Ordered", "start:%d.%m.%y", "ordered_at"), ("Promised", "due:%d.%m.%y", "promised_on"), ("Dispatched", "shipped:%d.%m.%y", "shipped_at"),
                    ("Carrier", "channel", "attributes"),
                ),
                delimiter=";",
            ),
        ),
    ),
    Shape(
        "phone_system",
        (
            Sheet(
                "cdr_export.csv", "activities", "deal",
                (
                    ("call_uuid", "uuid", "id"), ("agent_name", "seller", "owner_id"), ("started", "start:%Y-%m-%d 15:30:00", "started_at"), ("talk_minutes", "minutes", "duration_minutes"),
                    ("direction", "=outbound", "attributes|kind"), ("disposition", "note", "outcome"), ("remote_number", "contact_phone", "attributes"),
                ),
            ),
        ),
    ),
    Shape(
        "stage_log",
        (
            Sheet("opps.csv", "opportunities", "deal", (("opp_id", "number", "id"), ("opp_name", "title", "name"), ("stage", "stage", "stage"), ("arr_usd", "amount", "amount"), ("opened_at", "start:%Y-%m-%d", "created_at"), ("closed_at", "close:%Y-%m-%d", "closed_at"))),
            Sheet("opp_stage_changes.csv", "opportunity_history", "deal", (("change_id", "hash", "id"), ("opp_id", "number", "opportunity_id"), ("changed_on", "expected:%Y-%m-%d 12:00", "changed_at"), ("new_stage", "stage_open", "stage"), ("changed_by", "seller", "attributes|owner_id"))),
        ),
    ),
)  # fmt: skip
