"""Shapes that the guess was made with: what it gets wrong here was looked at and mended."""

from __future__ import annotations

from shape_maker import Shape, Sheet

_MONTHS_2025 = ("Jan 2025", "Feb 2025", "Mar 2025", "Apr 2025", "May 2025", "Jun 2025")

TUNED: tuple[Shape, ...] = (
    Shape(
        "german_words",
        (
            Sheet(
                "Vertrieb.csv", "opportunities", "deal",
                (
                    ("Vorgang-Nr", "code", "id"), ("Bezeichnung", "title", "name"), ("Kunde", "firm", "account_id"), ("Vertriebler", "seller", "owner_id"),
                    ("Betrag netto", "amount:eu", "amount"), ("Status", "result:Gewonnen/Verloren/Offen", "status|stage"),
                    ("Angelegt am", "start:%d.%m.%Y", "created_at"), ("Abgeschlossen am", "close:%d.%m.%Y", "closed_at"), ("Bemerkung", "note", "attributes"),
                ),
                delimiter=";", encoding="cp1252",
            ),
        ),
    ),
    Shape(
        "korean_sheet",
        (
            Sheet(
                "영업현황_2024.csv", "opportunities", "deal",
                (
                    ("안건명", "title", "name"), ("거래처명", "firm_ko", "account_id"), ("담당영업", "seller_ko", "owner_id"), ("금액(천원)", "amount", "amount"),
                    ("진행상황", "result:수주/실주/진행중", "status|stage"), ("등록일자", "start:%korean", "created_at"), ("수주예정일", "expected:%korean", "expected_close_on|closed_at"),
                    ("비고", "note", "attributes"),
                ),
                encoding="cp949",
            ),
        ),
    ),
    Shape(
        "flags_and_abbreviations",
        (
            Sheet(
                "tbl_deals.csv", "opportunities", "deal",
                (
                    ("deal_id", "number", "id"), ("acct_id", "firm_id", "account_id"), ("rep_id", "seller_id", "owner_id"), ("won", "result:1/0/", "status"),
                    ("deal_amt", "amount", "amount"), ("created_dt", "start:%Y-%m-%d", "created_at"), ("closed_dt", "close:%Y-%m-%d", "closed_at"),
                    ("etl_batch", "batch", "attributes"),
                ),
            ),
            Sheet(
                "tbl_accts.csv", "accounts", "firm",
                (
                    ("acct_id", "firm_id", "id"), ("acct_nm", "firm", "name"), ("ind_cd", "industry", "industry"), ("emp_cnt", "employees", "employees"),
                    ("ctry", "country", "country"),
                ),
            ),
            Sheet(
                "tbl_reps.csv", "people", "seller",
                (("rep_id", "seller_id", "id"), ("rep_nm", "seller", "name"), ("team_nm", "team", "team"), ("mgr_nm", "boss", "manager_id")),
            ),
        ),
    ),
    Shape(
        "warehouse_prefixes",
        (
            Sheet(
                "stg_sf__opportunity.csv", "opportunities", "deal",
                (
                    ("sf_opportunity_id", "code", "id"), ("sf_opportunity_name", "title", "name"), ("sf_account_id", "firm_code", "account_id"),
                    ("sf_stage_name", "stage", "stage"), ("sf_amount", "amount", "amount"), ("sf_close_date", "expected:%Y-%m-%d", "closed_at|expected_close_on"),
                    ("sf_owner_id", "seller_code", "owner_id"), ("sf_created_date", "start:%Y-%m-%dT10:00:00Z", "created_at"), ("_loaded_at", "=2025-01-05T03:00:00Z", "attributes"),
                    ("_row_hash", "hash", "attributes"),
                ),
            ),
            Sheet(
                "stg_sf__user.csv", "people", "seller",
                (("sf_user_id", "seller_code", "id"), ("sf_user_name", "seller", "name"), ("sf_user_email", "seller_email", "email"), ("_row_hash", "given", "attributes")),
            ),
        ),
    ),
    Shape(
        "camel_case_epoch",
        (
            Sheet(
                "deals.csv", "opportunities", "deal",
                (
                    ("dealId", "uuid", "id"), ("companyName", "firm", "account_id"), ("ownerEmail", "seller_email", "owner_id"), ("dealStage", "stage", "stage"),
                    ("valueUsd", "amount", "amount"), ("createdAt", "start:epoch_ms", "created_at"), ("closedAt", "close:epoch_ms", "closed_at"),
                    ("lossReason", "reason", "lost_reason"), ("isDeleted", "=false", "attributes"),
                ),
            ),
            Sheet(
                "users.csv", "people", "seller",
                (("userId", "seller_uuid", "id"), ("firstName", "given", "name"), ("lastName", "family", "name"), ("userEmail", "seller_email", "email")),
            ),
        ),
    ),
    Shape(
        "wide_targets",
        (
            Sheet(
                "Sales targets by rep.csv", "targets", "seller",
                (("Sales Rep", "seller", "member"), *((month, "pay", "amount") for month in _MONTHS_2025), ("Total", "pay", "attributes")),
            ),
        ),
    ),
    Shape(
        "korean_targets",
        (
            Sheet(
                "2025 영업목표.csv", "targets", "deal",
                (("기준월", "month:%Y-%m", "period_start"), ("지역본부", "region", "member"), ("목표금액(백만원)", "target", "amount")),
                encoding="cp949", rows=36,
            ),
        ),
    ),
    Shape(
        "invoices_only",
        (
            Sheet(
                "AR export.csv", "invoices", "deal",
                (
                    ("InvoiceNo", "invoice", "id"), ("CustomerNo", "firm_code", "account_id"), ("InvoiceDate", "start:%m/%d/%Y", "invoiced_at"),
                    ("DueDate", "due:%m/%d/%Y", "due_on"), ("PaidOn", "paid:%m/%d/%Y", "paid_at"), ("NetAmount", "amount", "amount"), ("VAT %", "=19", "attributes"),
                    ("Currency", "currency", "currency"),
                ),
            ),
        ),
    ),
    Shape(
        "leads_with_outcome",
        (
            Sheet(
                "web_form_export.csv", "leads", "deal",
                (
                    ("lead_ref", "code", "id"), ("submitted", "start:%Y-%m-%d 10:22", "created_at"), ("utm_source", "channel", "channel"), ("job", "contact_title", "title"),
                    ("company_size", "employees", "employees"), ("pages_visited", "visits", "attributes"), ("converted", "result:yes/no/no", "status"),
                ),
            ),
        ),
    ),
    Shape(
        "subscriptions",
        (
            Sheet(
                "subscriptions.csv", "orders", "deal",
                (
                    ("subscription_id", "uuid", "id"), ("customer", "firm", "account_id"), ("plan", "product", "product_id"), ("mrr", "amount", "amount"),
                    ("seats", "quantity", "quantity"), ("start_date", "start:%Y-%m-%d", "ordered_at"), ("cancelled_at", "lost_on:%Y-%m-%d", "attributes"),
                ),
            ),
        ),
    ),
    Shape(
        "activity_log",
        (
            Sheet(
                "call_log.csv", "activities", "deal",
                (
                    ("when", "start:%d/%m/%Y 14:05", "started_at"), ("who", "seller", "owner_id"), ("type", "act", "kind"), ("deal ref", "code", "opportunity_id"),
                    ("minutes", "minutes", "duration_minutes"), ("result", "note", "outcome"),
                ),
            ),
        ),
    ),
    Shape(
        "one_sheet_for_all",
        (
            Sheet(
                "export.csv", "opportunities", "deal",
                (
                    ("Deal #", "number", "id"), ("Deal", "title", "name"), ("Company", "firm", "account_id"), ("Company industry", "industry", "attributes"),
                    ("Company employees", "employees", "attributes"), ("Company country", "country", "attributes"), ("Contact", "contact", "contact_id"),
                    ("Contact e-mail", "contact_mail", "attributes"), ("Rep", "seller", "owner_id"), ("Rep team", "team", "attributes"), ("Product", "product", "product_id"),
                    ("Stage", "stage", "stage"), ("Value", "amount:us", "amount"), ("Created", "start:%b %d, %Y", "created_at"), ("Closed", "close:%b %d, %Y", "closed_at"),
                ),
            ),
        ),
        made={
            "accounts": {"Company": "id", "Company industry": "industry", "Company employees": "employees", "Company country": "country"},
            "people": {"Rep": "id", "Rep team": "team"},
            "contacts": {"Contact": "name", "Contact e-mail": "email"},
        },
    ),
    Shape(
        "lines_without_amount",
        (
            Sheet(
                "shop_lines.csv", "orders", "deal",
                (
                    ("order_ref", "invoice", "id|attributes"), ("sku", "sku", "product_id"), ("qty", "quantity", "quantity"), ("price_each", "price", "unit_price"),
                    ("cust", "firm_code", "account_id"), ("order_dt", "start:%Y%m%d", "ordered_at"),
                ),
            ),
        ),
    ),
    Shape(
        "no_ids_many_currencies",
        (
            Sheet(
                "Deals we won and lost.csv", "opportunities", "deal",
                (
                    ("Client", "firm", "account_id"), ("Closer", "seller", "owner_id"), ("Deal value", "amount", "amount"), ("Curr.", "currency", "currency"),
                    ("Outcome", "result:Won/Lost/Still open", "status|stage"), ("First meeting", "start:%d %B %Y", "created_at"), ("Signed or lost", "close:%d %B %Y", "closed_at"),
                    ("Comments", "note", "attributes"), ("Unnamed: 8", "=", "attributes"),
                ),
            ),
        ),
    ),
)  # fmt: skip
