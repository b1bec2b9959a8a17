"""Exports as six systems write them: report headings in English and Korean, and the names of their interfaces."""

from __future__ import annotations

from shape_maker import Shape, Sheet

SYSTEMS: tuple[tuple[str, Shape], ...] = (
    (
        "Salesforce",
        Shape(
            "salesforce_api",
            (
                Sheet(
                    "Opportunity.csv", "opportunities", "deal",
                    (
                        ("Id", "uuid", "id"), ("IsDeleted", "=false", "attributes"), ("AccountId", "firm_uuid", "account_id"), ("Name", "title", "name"), ("StageName", "stage", "stage"),
                        ("Amount", "amount", "amount"), ("Probability", "percent", "attributes"), ("ExpectedRevenue", "amount", "attributes"), ("CloseDate", "expected:%Y-%m-%d", "expected_close_on"),
                        ("Type", "kind", "kind"), ("LeadSource", "channel", "attributes"), ("IsClosed", "result:true/true/false", "status"), ("IsWon", "result:true/false/false", "status"),
                        ("ForecastCategoryName", "forecast", "forecast_category"), ("OwnerId", "seller_uuid", "owner_id"), ("CreatedDate", "start:%Y-%m-%dT10:11:12.000+0000", "created_at"),
                        ("SystemModstamp", "expected:%Y-%m-%dT10:11:12.000+0000", "attributes"),
                    ),
                ),
                Sheet(
                    "Account.csv", "accounts", "firm",
                    (
                        ("Id", "firm_uuid", "id"), ("Name", "firm", "name"), ("Industry", "industry", "industry"), ("NumberOfEmployees", "employees", "employees"), ("AnnualRevenue", "revenue", "revenue"),
                        ("Website", "site", "domain"), ("BillingCountry", "country", "country"), ("BillingCity", "city", "city"), ("Phone", "firm_phone", "attributes"),
                    ),
                ),
                Sheet(
                    "User.csv", "people", "seller",
                    (("Id", "seller_uuid", "id"), ("Username", "seller_email", "attributes"), ("FirstName", "given", "name"), ("LastName", "family", "name"), ("Email", "seller_email", "email"), ("ManagerId", "=", "manager_id"), ("IsActive", "=true", "attributes")),
                ),
                Sheet(
                    "Task.csv", "activities", "deal",
                    (("Id", "hash", "id"), ("WhoId", "contact_id", "contact_id"), ("WhatId", "uuid", "opportunity_id"), ("Subject", "note", "attributes"), ("ActivityDate", "start:%Y-%m-%d", "started_at"), ("Status", "=Completed", "outcome"), ("OwnerId", "seller_uuid", "owner_id"), ("TaskSubtype", "act", "kind")),
                ),
            ),
        ),
    ),
    (
        "Salesforce",
        Shape(
            "salesforce_report",
            (
                Sheet(
                    "report1700000000.csv", "opportunities", "deal",
                    (
                        ("Opportunity Owner", "seller", "owner_id"), ("Account Name", "firm", "account_id"), ("Opportunity Name", "title", "name"), ("Stage", "stage", "stage"), ("Fiscal Period", "=Q1-2024", "attributes"),
                        ("Amount", "amount", "amount"), ("Expected Revenue", "amount", "attributes"), ("Probability (%)", "percent", "attributes"), ("Age", "age", "attributes"), ("Close Date", "expected:%m/%d/%Y", "expected_close_on"),
                        ("Created Date", "start:%m/%d/%Y", "created_at"), ("Next Step", "note", "attributes"), ("Lead Source", "channel", "attributes"), ("Type", "kind", "kind"), ("Owner Role", "team", "attributes"),
                    ),
                ),
            ),
        ),
    ),
    (
        "Salesforce",
        Shape(
            "salesforce_korean",
            (
                Sheet(
                    "보고서.csv", "opportunities", "deal",
                    (
                        ("기회 소유자", "seller_ko", "owner_id"), ("계정 이름", "firm_ko", "account_id"), ("기회 이름", "title", "name"), ("단계", "result:수주/실주/제안", "stage|status"), ("금액", "amount:krw", "amount"), ("가능성(%)", "percent", "attributes"),
                        ("마감일", "expected:%korean", "expected_close_on"), ("작성 날짜", "start:%korean", "created_at"), ("리드 소스", "channel", "attributes"), ("유형", "kind", "kind"),
                    ),
                ),
            ),
        ),
    ),
    (
        "HubSpot",
        Shape(
            "hubspot_export",
            (
                Sheet(
                    "hubspot-crm-exports-all-deals-2025.csv", "opportunities", "deal",
                    (
                        ("Record ID", "number", "id"), ("Deal Name", "title", "name"), ("Deal Stage", "result:Closed won (Sales)/Closed lost (Sales)/Contract sent (Sales)", "stage"), ("Close Date", "expected:%Y-%m-%d 10:00", "closed_at"),
                        ("Deal owner", "seller", "owner_id"), ("Amount", "amount", "amount"), ("Weighted amount", "amount", "attributes"), ("Create Date", "start:%Y-%m-%d 09:00", "created_at"), ("Associated Company IDs", "firm_id", "account_id"),
                        ("Associated Company", "firm", "attributes"), ("Associated Contact IDs", "contact_id", "contact_id"), ("Forecast category", "forecast", "forecast_category"), ("Closed Lost Reason", "reason", "lost_reason"), ("Pipeline", "=Sales", "pipeline"),
                    ),
                ),
                Sheet(
                    "hubspot-crm-exports-all-companies-2025.csv", "accounts", "firm",
                    (("Record ID", "firm_id", "id"), ("Company name", "firm", "name"), ("Company owner", "=", "owner_id"), ("Country/Region", "country", "country"), ("City", "city", "city"), ("Industry", "industry", "industry"), ("Number of Employees", "employees", "employees"), ("Company Domain Name", "domain", "domain"), ("Lifecycle Stage", "=Customer", "attributes")),
                ),
                Sheet(
                    "hubspot-crm-exports-all-contacts-2025.csv", "contacts", "deal",
                    (("Record ID", "number", "id"), ("First Name", "contact_given", "name"), ("Last Name", "contact_family", "name"), ("Email", "contact_mail", "email"), ("Phone Number", "contact_phone", "phone"), ("Contact owner", "seller", "attributes"), ("Job Title", "contact_title", "title"), ("Associated Company IDs", "firm_id", "account_id"), ("Lead Status", "=Open", "attributes")),
                ),
            ),
        ),
    ),
    (
        "HubSpot",
        Shape(
            "hubspot_api",
            (
                Sheet(
                    "deals.csv", "opportunities", "deal",
                    (
                        ("hs_object_id", "number", "id"), ("dealname", "title", "name"), ("dealstage", "result:closedwon/closedlost/qualifiedtobuy", "stage"), ("pipeline", "=default", "pipeline"), ("amount", "amount", "amount"), ("amount_in_home_currency", "amount", "attributes"),
                        ("closedate", "expected:%Y-%m-%dT10:00:00Z", "closed_at"), ("createdate", "start:%Y-%m-%dT09:00:00Z", "created_at"), ("hubspot_owner_id", "seller_id", "owner_id"), ("dealtype", "=newbusiness", "kind"), ("deal_currency_code", "currency", "currency"), ("hs_lastmodifieddate", "expected:%Y-%m-%dT10:00:00Z", "attributes"),
                    ),
                ),
                Sheet(
                    "companies.csv", "accounts", "firm",
                    (("hs_object_id", "firm_id", "id"), ("name", "firm", "name"), ("domain", "domain", "domain"), ("numberofemployees", "employees", "employees"), ("annualrevenue", "revenue", "revenue"), ("country", "country", "country"), ("lifecyclestage", "=customer", "attributes")),
                ),
                Sheet("owners.csv", "people", "seller", (("id", "seller_id", "id"), ("email", "seller_email", "email"), ("firstName", "given", "name"), ("lastName", "family", "name"), ("userId", "seller_code", "attributes"))),
            ),
        ),
    ),
    (
        "HubSpot",
        Shape(
            "hubspot_korean",
            (
                Sheet(
                    "거래.csv", "opportunities", "deal",
                    (
                        ("레코드 ID", "number", "id"), ("거래 이름", "title", "name"), ("거래 단계", "result:성사됨/실패/제안", "stage|status"), ("마감일", "expected:%Y-%m-%d", "closed_at"), ("거래 담당자", "seller_ko", "owner_id"), ("금액", "amount:krw", "amount"), ("생성일", "start:%Y-%m-%d", "created_at"), ("파이프라인", "=영업", "pipeline"),
                    ),
                ),
            ),
        ),
    ),
    (
        "Pipedrive",
        Shape(
            "pipedrive_export",
            (
                Sheet(
                    "deals-7001.csv", "opportunities", "deal",
                    (
                        ("Deal - ID", "number", "id"), ("Deal - Title", "title", "name"), ("Deal - Value", "amount", "amount"), ("Deal - Currency of Value", "currency", "currency"), ("Deal - Organization", "firm", "account_id"), ("Deal - Contact person", "contact", "contact_id"), ("Deal - Owner", "seller", "owner_id"),
                        ("Deal - Pipeline", "=Sales", "pipeline"), ("Deal - Stage", "stage_open", "stage"), ("Deal - Status", "result:Won/Lost/Open", "status"), ("Deal - Deal created", "start:%Y-%m-%d 08:00:01", "created_at"), ("Deal - Won time", "won_on:%Y-%m-%d 08:00:01", "closed_at"), ("Deal - Lost time", "lost_on:%Y-%m-%d 08:00:01", "closed_at"),
                        ("Deal - Expected close date", "expected:%Y-%m-%d", "expected_close_on"), ("Deal - Lost reason", "reason", "lost_reason"), ("Deal - Weighted value", "amount", "attributes"), ("Deal - Label", "=Hot", "attributes"),
                    ),
                ),
                Sheet("organizations-7001.csv", "accounts", "firm", (("Organization - ID", "firm_id", "id"), ("Organization - Name", "firm", "name"), ("Organization - Owner", "=", "owner_id"), ("Organization - Address", "city", "attributes"))),
                Sheet("people-7001.csv", "contacts", "deal", (("Person - ID", "number", "id"), ("Person - Name", "contact", "name"), ("Person - Organization", "firm", "account_id"), ("Person - Email - Work", "contact_mail", "email"), ("Person - Phone - Work", "contact_phone", "phone"), ("Person - Owner", "seller", "attributes"))),
                Sheet("activities-7001.csv", "activities", "deal", (("Activity - ID", "number", "id"), ("Activity - Subject", "note", "attributes"), ("Activity - Type", "act", "kind"), ("Activity - Due date", "start:%Y-%m-%d", "started_at"), ("Activity - Assigned to user", "seller", "owner_id"), ("Activity - Deal", "title", "opportunity_id"), ("Activity - Organization", "firm", "account_id"), ("Activity - Done", "=Done", "attributes"))),
            ),
        ),
    ),
    (
        "Close",
        Shape(
            "close_export",
            (
                Sheet(
                    "opportunities.csv", "opportunities", "deal",
                    (
                        ("id", "uuid", "id"), ("lead_id", "firm_uuid", "account_id"), ("lead_name", "firm", "attributes"), ("user_name", "seller", "owner_id"), ("status_label", "stage", "stage"), ("status_type", "result:won/lost/active", "status"), ("value", "number", "attributes"), ("value_formatted", "amount:us", "amount"), ("value_period", "=one_time", "attributes"),
                        ("confidence", "percent", "attributes"), ("date_created", "start:%Y-%m-%dT10:00:00+00:00", "created_at"), ("date_won", "won_on:%Y-%m-%d", "closed_at"), ("date_lost", "lost_on:%Y-%m-%d", "closed_at"),
                    ),
                ),
                Sheet("leads.csv", "accounts", "firm", (("id", "firm_uuid", "id"), ("display_name", "firm", "name"), ("status_label", "=Customer", "attributes"), ("url", "site", "domain"), ("html_url", "firm_code", "attributes"))),
            ),
        ),
    ),
    (
        "Odoo",
        Shape(
            "odoo_labels",
            (
                Sheet(
                    "crm.lead.csv", "opportunities", "deal",
                    (
                        ("External ID", "uuid", "id"), ("Opportunity", "title", "name"), ("Customer", "firm", "account_id"), ("Salesperson", "seller", "owner_id"), ("Sales Team", "team", "attributes"), ("Stage", "result:Won/Lost/Proposition", "stage|status"), ("Expected Revenue", "amount", "amount"), ("Probability", "percent", "attributes"),
                        ("Created on", "start:%Y-%m-%d 10:00:00", "created_at"), ("Expected Closing", "expected:%Y-%m-%d", "expected_close_on"), ("Closed Date", "close:%Y-%m-%d 10:00:00", "closed_at"), ("Lost Reason", "reason", "lost_reason"),
                    ),
                ),
                Sheet("res.partner.csv", "accounts", "firm", (("Display Name", "firm", "name"), ("Is a Company", "=True", "attributes"), ("Country", "country", "country"), ("City", "city", "city"), ("Tax ID", "firm_code", "attributes"), ("Salesperson", "=", "owner_id"))),
                Sheet("sale.order.csv", "orders", "deal", (("Order Reference", "code", "id"), ("Creation Date", "start:%Y-%m-%d 09:00:00", "ordered_at"), ("Customer", "firm", "account_id"), ("Salesperson", "seller", "attributes"), ("Total", "total", "amount"), ("Status", "=Sales Order", "attributes"))),
            ),
        ),
    ),
    (
        "Odoo",
        Shape(
            "odoo_fields",
            (
                Sheet(
                    "crm_lead.csv", "opportunities", "deal",
                    (
                        ("id", "number", "id"), ("name", "title", "name"), ("partner_id", "firm", "account_id"), ("user_id", "seller", "owner_id"), ("team_id", "team", "attributes"), ("stage_id", "stage", "stage"), ("won_status", "result:won/lost/pending", "status"), ("expected_revenue", "amount", "amount"), ("create_date", "start:%Y-%m-%d 10:00:00", "created_at"),
                        ("date_deadline", "expected:%Y-%m-%d", "expected_close_on"), ("date_closed", "close:%Y-%m-%d 10:00:00", "closed_at"), ("lost_reason_id", "reason", "lost_reason"), ("write_date", "expected:%Y-%m-%d 11:00:00", "attributes"),
                    ),
                ),
            ),
        ),
    ),
    (
        "Encharge",
        Shape(
            "encharge_people",
            (
                Sheet(
                    "people.csv", "leads", "deal",
                    (("Email", "contact_mail", "email"), ("User ID", "hash", "attributes"), ("First Name", "contact_given", "name"), ("Last Name", "contact_family", "name"), ("Company", "firm", "company"), ("Title", "contact_title", "title"), ("Lead Score", "percent", "attributes"), ("Tags", "channel", "attributes"), ("Created At", "start:%Y-%m-%dT10:00:00.000Z", "created_at"), ("Last Activity", "expected:%Y-%m-%d", "attributes")),
                ),
            ),
        ),
    ),
)  # fmt: skip
