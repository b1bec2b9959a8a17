"""Shapes that were written before the guess was tried on them; the score of that first try is in the test.

What was wrong then was mended since, by rules and words that other exports use too.
"""

from __future__ import annotations

from shape_maker import Shape, Sheet

FIRST: tuple[Shape, ...] = (
    Shape(
        "spanish_sheet",
        (
            Sheet(
                "oportunidades.csv", "opportunities", "deal",
                (
                    ("ID Oportunidad", "code", "id"), ("Empresa", "firm", "account_id"), ("Comercial", "seller", "owner_id"), ("Importe", "amount:eu", "amount"),
                    ("Etapa", "result:Ganada/Perdida/Abierta", "stage|status"), ("Fecha de alta", "start:%d/%m/%Y", "created_at"), ("Fecha de cierre", "close:%d/%m/%Y", "closed_at"),
                    ("Motivo de pérdida", "reason", "lost_reason"), ("Observaciones", "note", "attributes"),
                ),
                delimiter=";",
            ),
        ),
    ),
    Shape(
        "korean_contracts",
        (
            Sheet(
                "계약대장.csv", "opportunities", "deal",
                (
                    ("계약건명", "title", "name"), ("발주처", "firm_ko", "account_id"), ("영업대표", "seller_ko", "owner_id"), ("계약금액", "amount:krw", "amount"),
                    ("계약상태", "result:계약완료/계약실패/협의중", "status|stage"), ("상담일", "start:%Y.%m.%d", "created_at"), ("계약일자", "close:%Y.%m.%d", "closed_at"),
                    ("관할지역", "region", "region"), ("특이사항", "note", "attributes"),
                ),
            ),
            Sheet(
                "거래처목록.csv", "accounts", "firm",
                (("거래처명", "firm_ko", "name"), ("사업자번호", "firm_id", "id|attributes"), ("업태", "industry", "industry|attributes"), ("종업원", "employees", "employees"), ("설립년도", "founded", "founded_year")),
            ),
        ),
    ),
    Shape(
        "mainframe_abbreviations",
        (
            Sheet(
                "OPPTY_MSTR.txt", "opportunities", "deal",
                (
                    ("OPPTY_ID", "number", "id"), ("CUST_NM", "firm", "account_id"), ("SLS_REP_NM", "seller", "owner_id"), ("EST_AMT", "amount", "amount"), ("STG_CD", "stage", "stage"),
                    ("CRT_DT", "start:%Y%m%d", "created_at"), ("CLS_DT", "close:%Y%m%d", "closed_at"), ("PROD_CD", "sku", "product_id"), ("RGN_CD", "region", "region"),
                    ("LST_UPD_USR", "=BATCH1", "attributes"),
                ),
                delimiter="|",
            ),
        ),
    ),
    Shape(
        "another_crm_by_api_names",
        (
            Sheet(
                "opportunity.csv", "opportunities", "deal",
                (
                    ("opportunityid", "uuid", "id"), ("name", "title", "name"), ("parentaccountid", "firm_uuid", "account_id"), ("estimatedvalue", "amount", "amount"),
                    ("estimatedclosedate", "expected:%Y-%m-%d", "expected_close_on"), ("actualclosedate", "close:%Y-%m-%d", "closed_at"), ("statecode", "result:Won/Lost/Open", "status"),
                    ("ownerid", "seller_uuid", "owner_id"), ("createdon", "start:%Y-%m-%dT08:00:00Z", "created_at"), ("versionnumber", "batch", "attributes"),
                ),
            ),
            Sheet(
                "account.csv", "accounts", "firm",
                (
                    ("accountid", "firm_uuid", "id"), ("name", "firm", "name"), ("numberofemployees", "employees", "employees"), ("revenue", "revenue", "revenue"),
                    ("address1_city", "city", "city"), ("address1_country", "country", "country"), ("industrycode", "industry", "industry"), ("websiteurl", "site", "domain"),
                ),
            ),
            Sheet(
                "systemuser.csv", "people", "seller",
                (("systemuserid", "seller_uuid", "id"), ("fullname", "seller", "name"), ("internalemailaddress", "seller_email", "email"), ("title", "job", "role|attributes")),
            ),
        ),
    ),
    Shape(
        "quarters_side_by_side",
        (
            Sheet(
                "FY25 goals.csv", "targets", "firm",
                (("Region", "city", "member"), ("Q1 2025", "revenue", "amount"), ("Q2 2025", "revenue", "amount"), ("Q3 2025", "revenue", "amount"), ("Q4 2025", "revenue", "amount"), ("FY2025", "revenue", "attributes")),
                delimiter=";",
            ),
        ),
    ),
    Shape(
        "bills",
        (
            Sheet(
                "billing_extract.csv", "invoices", "deal",
                (
                    ("bill_number", "invoice", "id"), ("billed_to", "firm", "account_id"), ("bill_date", "start:%d-%b-%Y", "invoiced_at"), ("payment_due", "due:%d-%b-%Y", "due_on"),
                    ("payment_received", "paid:%d-%b-%Y", "paid_at"), ("gross_total", "amount", "amount"), ("ccy", "currency", "currency"), ("po_reference", "hash", "attributes"),
                ),
            ),
        ),
    ),
    Shape(
        "trade_fair_visitors",
        (
            Sheet(
                "Visitors Hannover.csv", "leads", "deal",
                (
                    ("Visitor name", "contact", "name"), ("Firm", "firm", "company"), ("Mail", "contact_mail", "email"), ("Tel.", "contact_phone", "phone"), ("Position", "contact_title", "title"),
                    ("Follow-up status", "result:Converted/Not interested/Contacted", "status"), ("Captured", "start:%d.%m.%Y", "created_at"), ("Badge scan", "hash", "attributes|id"),
                ),
                delimiter=";",
            ),
        ),
    ),
    Shape(
        "korean_activities",
        (
            Sheet(
                "영업활동 일지.csv", "activities", "deal",
                (
                    ("활동일시", "start:%Y-%m-%d 09:30", "started_at"), ("활동종류", "act", "kind"), ("담당 직원", "seller_ko", "owner_id"), ("고객", "firm_ko", "account_id"),
                    ("소요 시간(분)", "minutes", "duration_minutes"), ("내용", "note", "attributes"),
                ),
                encoding="cp949",
            ),
        ),
    ),
    Shape(
        "small_business_crm",
        (
            Sheet(
                "Deals.csv", "opportunities", "deal",
                (
                    ("Record Id", "hash", "id"), ("Deal Owner", "seller", "owner_id"), ("Deal Name", "title", "name"), ("Account Name", "firm", "account_id"), ("Amount", "amount", "amount"),
                    ("Closing Date", "expected:%Y-%m-%d", "closed_at|expected_close_on"), ("Stage", "stage", "stage"), ("Probability (%)", "percent", "attributes"), ("Lead Source", "channel", "attributes"),
                    ("Created Time", "start:%Y-%m-%d 11:12:13", "created_at"), ("Modified Time", "expected:%Y-%m-%d 11:12:13", "attributes"),
                ),
            ),
            Sheet(
                "Leads.csv", "leads", "deal",
                (
                    ("Record Id", "uuid", "id"), ("Lead Owner", "seller", "owner_id"), ("Company", "firm", "company"), ("First Name", "contact_given", "name"), ("Last Name", "contact_family", "name"),
                    ("Email", "contact_mail", "email"), ("Lead Source", "channel", "channel"), ("Lead Status", "result:Qualified/Junk Lead/Contacted", "status"), ("No. of Employees", "employees", "employees"),
                    ("Created Time", "start:%Y-%m-%d 11:12:13", "created_at"),
                ),
            ),
        ),
    ),
    Shape(
        "stock_ledger_system",
        (
            Sheet(
                "materials.csv", "products", "product",
                (("material", "sku", "id"), ("material_description", "product", "name"), ("list_price_eur", "price", "unit_price"), ("std_cost", "cost", "unit_cost"), ("prod_hierarchy", "line", "family|attributes")),
            ),
            Sheet(
                "sales_documents.csv", "orders", "deal",
                (
                    ("so_number", "invoice", "id"), ("sold_to", "firm_code", "account_id"), ("material", "sku", "product_id"), ("order_qty", "quantity", "quantity"), ("net_value", "total", "amount"),
                    ("doc_date", "start:%Y-%m-%d", "ordered_at"), ("req_deliv_date", "due:%Y-%m-%d", "promised_on"), ("gi_date", "shipped:%Y-%m-%d", "shipped_at|attributes"),
                ),
            ),
        ),
    ),
    Shape(
        "board_of_cards",
        (
            Sheet(
                "Sales board.csv", "opportunities", "deal",
                (
                    ("Card", "title", "name|id"), ("Assignee", "seller", "owner_id"), ("Column", "stage", "stage"), ("Deal Value", "amount:us", "amount"), ("Expected close", "expected:%d %b %Y", "expected_close_on"),
                    ("Started", "start:%d %b %Y", "created_at"), ("Finished", "close:%d %b %Y", "closed_at"), ("Tags", "channel", "attributes"), ("Priority", "=High", "attributes"),
                ),
            ),
        ),
    ),
    Shape(
        "lines_by_uuid",
        (
            Sheet(
                "deal.csv", "opportunities", "deal",
                (
                    ("uuid", "uuid", "id"), ("company_uuid", "firm_uuid", "account_id"), ("user_uuid", "seller_uuid", "owner_id"), ("outcome", "result:won/lost/", "status"),
                    ("opened", "start:%Y-%m-%d", "created_at"), ("decided", "close:%Y-%m-%d", "closed_at"), ("total_value", "total", "amount"), ("ccy", "currency", "currency"),
                ),
            ),
            Sheet(
                "deal_item.csv", "opportunity_lines", "deal",
                (("deal_uuid", "uuid", "opportunity_id"), ("product_uuid", "product_uuid", "product_id"), ("units", "quantity", "quantity"), ("unit_amount", "price", "unit_price"), ("total_amount", "total", "amount")),
            ),
            Sheet("company.csv", "accounts", "firm", (("uuid", "firm_uuid", "id"), ("legal_name", "firm", "name"), ("web", "domain", "domain"), ("hq_country", "country", "country"))),
            Sheet("product.csv", "products", "product", (("uuid", "product_uuid", "id"), ("label", "product", "name"), ("unit_amount", "price", "unit_price"))),
        ),
    ),
    Shape(
        "personnel_list",
        (
            Sheet(
                "Headcount sales.csv", "people", "seller",
                (
                    ("Emp ID", "seller_code", "id"), ("Emp Name", "seller", "name"), ("Dept", "team", "team"), ("Reporting Manager", "boss", "manager_id"), ("DOJ", "hired:%d-%m-%Y", "hired_on"),
                    ("DOL", "left:%d-%m-%Y", "left_on"), ("Designation", "job", "role"), ("Base Location", "office", "region|attributes"), ("Monthly gross", "pay", "cost"),
                ),
            ),
        ),
    ),
)  # fmt: skip
