// Drives a Dataverse with the npm package dynamics-web-api and prints what it saw as one JSON object, a property a step.
// Standard input: {"modules": folder with node_modules, "url": ..., "token": ...}. The test beside this file judges the answers.

import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { randomUUID } from "node:crypto";

const { modules, url, token } = JSON.parse(readFileSync(0, "utf8"));
const { DynamicsWebApi } = createRequire(join(modules, "from.js"))("dynamics-web-api");
const api = new DynamicsWebApi({
    serverUrl: url,
    dataApi: { version: "9.2" },
    onTokenRefresh: async () => token,
    propagateErrors: true,
});
const unique = randomUUID().replaceAll("-", "").slice(0, 8);
const town = `Town ${unique}`;
const here = `address1_city eq '${town}'`;
const label = (text) => ({ LocalizedLabels: [{ Label: text, LanguageCode: 1033 }] });
const type = (name) => `Microsoft.Dynamics.CRM.${name}`;

/** The error an attempt ends in, as the package hands it over; what it answered where it succeeded. */
async function refusal(attempt) {
    try {
        return { answered: await attempt() };
    } catch (error) {
        return reason(Array.isArray(error) ? error.find((one) => one.status >= 400) : error); // a batch throws all its answers
    }
}

/** Status, code and words of an error; those of a batch's part hold what the server sent as it was. */
const reason = (error) => ({
    status: error.status, code: error.code ?? error.error?.code, message: error.message ?? error.error?.message,
});

const steps = {
    async whoAmI() {
        const me = await api.callFunction("WhoAmI");
        return Object.keys(me).filter((name) => name.endsWith("Id")).sort();
    },

    async createAndRead() {
        const contacts = { collection: "contacts" };
        const id = await api.create({ ...contacts, data: { lastname: "Rao", firstname: "Asha", address1_city: town } });
        const made = await api.create({
            ...contacts,
            data: { lastname: "Iyer", gendercode: 2, address1_city: town },
            returnRepresentation: true,
            select: ["fullname", "gendercode"],
            includeAnnotations: "*",
        });
        const read = await api.retrieve({ ...contacts, key: id, select: ["fullname"] });
        await api.updateSingleProperty({ ...contacts, key: id, fieldValuePair: { lastname: "Mehta" } });
        const changed = await api.update({
            ...contacts, key: id, data: { jobtitle: "Nurse" }, returnRepresentation: true, select: ["fullname", "jobtitle"],
        });
        return { idLength: id.length, made, read, changed, sameId: read.contactid === id };
    },

    async conditions() {
        const id = randomUUID();
        const row = { collection: "contacts", key: id };
        const absent = await refusal(() => api.upsert({ ...row, data: { lastname: "x" }, ifmatch: "*" }));
        const created = await api.upsert({
            ...row, data: { lastname: "One", address1_city: town }, ifnonematch: "*", returnRepresentation: true, select: ["lastname"],
        });
        const again = await refusal(() => api.upsert({ ...row, data: { lastname: "Two" }, ifnonematch: "*" }));
        const etag = created["@odata.etag"];
        const unchanged = await refusal(() => api.retrieve({ ...row, select: ["lastname"], ifnonematch: etag }));
        await api.update({ ...row, data: { lastname: "Three" }, ifmatch: etag });
        const stale = await refusal(() => api.update({ ...row, data: { lastname: "Four" }, ifmatch: etag }));
        const staleDelete = await refusal(() => api.deleteRecord({ ...row, ifmatch: etag }));
        const last = await api.retrieve({ ...row, select: ["lastname"] });
        await api.deleteRecord(row);
        const gone = await refusal(() => api.retrieve({ ...row, select: ["lastname"] }));
        return { absent, created: created.lastname, again, unchanged, stale, staleDelete, last: last.lastname, gone };
    },

    async createMultiple() {
        const Targets = [...Array(7).keys()].map((at) => ({
            "@odata.type": type("contact"), lastname: `P${at}`, numberofchildren: at, address1_city: `${town} pages`,
        }));
        const action = { collection: "contacts", actionName: type("CreateMultiple") };
        const made = await api.callAction({ ...action, action: { Targets } });
        const untyped = await refusal(() => api.callAction({ ...action, action: { Targets: [{ lastname: "no type" }] } }));
        return { ids: made.Ids.length, untyped };
    },

    async paging() {
        const query = {
            collection: "contacts", select: ["lastname"], filter: `address1_city eq '${town} pages'`, orderBy: ["numberofchildren desc"],
        };
        const first = await api.retrieveMultiple({ ...query, maxPageSize: 3, count: true });
        const second = await api.retrieveMultiple({ ...query, maxPageSize: 3 }, first.oDataNextLink);
        const all = await api.retrieveAll({ ...query, maxPageSize: 2 });
        const top = await api.retrieveMultiple({ ...query, top: 2 });
        const names = (answer) => answer.value.map((row) => row.lastname).join(" ");
        return {
            first: names(first), counted: first.oDataCount, second: names(second), all: names(all), top: names(top),
            count: await api.count({ collection: "contacts", filter: query.filter }),
            countAll: await api.countAll({ collection: "contacts", filter: query.filter, select: ["lastname"] }),
        };
    },

    async fetchXml() {
        const fetchXml = `<fetch count="3"><entity name="contact"><attribute name="lastname"/><order attribute="lastname"/><filter>
            <condition attribute="address1_city" operator="eq" value="${town} pages"/></filter></entity></fetch>`;
        const page = await api.fetch({ collection: "contacts", fetchXml, includeAnnotations: "*" });
        const all = await api.fetchAll({ collection: "contacts", fetchXml });
        return { page: page.value.length, cookie: Boolean(page.PagingInfo?.cookie), all: all.value.map((row) => row.lastname).join(" ") };
    },

    async changeSet() {
        api.startBatch();
        api.create({ collection: "accounts", data: { name: "Clinic", address1_city: town }, contentId: "1" });
        api.create({ collection: "contacts", data: { lastname: "Bound", "parentcustomerid_account@odata.bind": "$1" }, contentId: "2" });
        const [account, contact] = await api.executeBatch();
        const child = await api.retrieve({ collection: "contacts", key: contact, select: ["lastname", "_parentcustomerid_value"] });
        api.startBatch();
        api.create({ collection: "accounts", data: { name: "Never", address1_city: town } });
        api.deleteRecord({ collection: "accounts", key: account });
        api.create({ collection: "contacts", data: { lastname: "x", gendercode: 99 } });
        const failed = await refusal(() => api.executeBatch());
        const names = await api.retrieveMultiple({ collection: "accounts", select: ["name"], filter: here });
        return { bound: child._parentcustomerid_value === account, failed, names: names.value.map((row) => row.name) };
    },

    async batch() {
        api.startBatch();
        api.create({ collection: "contacts", data: { lastname: "x", gendercode: 99 }, inChangeSet: false });
        api.create({ collection: "contacts", data: { lastname: "Solo", address1_city: `${town} batch` }, inChangeSet: false });
        api.retrieveMultiple({ collection: "contacts", select: ["lastname"], filter: `address1_city eq '${town} batch'` });
        const [refused, id, read] = await api.executeBatch({ continueOnError: true });
        return { refused: reason(refused), id: typeof id, read: read.value.map((row) => row.lastname) };
    },

    async references() {
        const account = await api.create({ collection: "accounts", data: { name: "Target" } });
        const contact = await api.create({ collection: "contacts", data: { lastname: "Child" } });
        const parent = async () => (await api.retrieve({ collection: "contacts", key: contact }))._parentcustomerid_value;
        const single = { collection: "contacts", primaryKey: contact, navigationProperty: "parentcustomerid_account" };
        await api.associateSingleValued({ ...single, relatedCollection: "accounts", relatedKey: account });
        const bound = (await parent()) === account;
        await api.disassociateSingleValued(single);
        const loosened = await parent();
        const side = { collection: "accounts", primaryKey: account, relationshipName: "contact_customer_accounts" };
        await api.associate({ ...side, relatedCollection: "contacts", relatedKey: contact });
        return { bound, loosened: loosened ?? null, again: (await parent()) === account };
    },

    async schema() {
        const SchemaName = `new_Thing${unique}`;
        const logical = SchemaName.toLowerCase();
        const text = (name, more = {}) => ({
            "@odata.type": type("StringAttributeMetadata"), SchemaName: name, DisplayName: label(name), MaxLength: 40,
            RequiredLevel: { Value: "None" }, FormatName: { Value: "Text" }, ...more,
        });
        const id = await api.createEntity({
            data: {
                "@odata.type": type("EntityMetadata"), SchemaName, DisplayName: label("Thing"), DisplayCollectionName: label("Things"),
                OwnershipType: "UserOwned", HasActivities: false, HasNotes: true, IsActivity: false,
                Attributes: [text("new_Name", { IsPrimaryName: true })],
            },
        });
        const entityKey = `LogicalName='${logical}'`;
        await api.createAttribute({ entityKey, data: text("new_Code") });
        const options = [["Low", 727000000], ["High", 727000001]].map(([name, Value]) => ({ Value, Label: label(name) }));
        await api.createGlobalOptionSet({
            data: { "@odata.type": type("OptionSetMetadata"), Name: `new_level${unique}`, DisplayName: label("Level"), IsGlobal: true, OptionSetType: "Picklist", Options: options },
        });
        const set = await api.retrieveGlobalOptionSet({ key: `Name='new_level${unique}'`, castType: type("OptionSetMetadata") });
        await api.createAttribute({
            entityKey,
            data: {
                "@odata.type": type("PicklistAttributeMetadata"), SchemaName: "new_Level", DisplayName: label("Level"),
                "GlobalOptionSet@odata.bind": `/GlobalOptionSetDefinitions(${set.MetadataId})`,
            },
        });
        await api.createRelationship({
            data: {
                "@odata.type": type("OneToManyRelationshipMetadata"), SchemaName: `new_contact_${logical}`, ReferencedEntity: "contact",
                ReferencedAttribute: "contactid", ReferencingEntity: logical,
                CascadeConfiguration: { Assign: "NoCascade", Delete: "RemoveLink", Merge: "NoCascade", Reparent: "NoCascade", Share: "NoCascade", Unshare: "NoCascade" },
                Lookup: { "@odata.type": type("LookupAttributeMetadata"), SchemaName: "new_PatientId", DisplayName: label("Patient") },
            },
        });
        const found = await api.retrieveEntities({ select: ["LogicalName", "EntitySetName"], filter: `SchemaName eq '${SchemaName}'` });
        const entity = await api.retrieveEntity({ key: entityKey, select: ["SchemaName", "PrimaryNameAttribute"], expand: [{ property: "Attributes", select: ["LogicalName"] }] });
        const picklists = await api.retrieveAttributes({
            entityKey, castType: type("PicklistAttributeMetadata"), select: ["LogicalName"], expand: [{ property: "GlobalOptionSet" }],
        });
        const level = picklists.value.find((column) => column.LogicalName === "new_level");
        const relationships = await api.retrieveRelationships({
            castType: type("OneToManyRelationshipMetadata"), filter: `ReferencingEntity eq '${logical}' and ReferencedEntity eq 'contact'`,
        });
        const link = relationships.value.find((one) => one.SchemaName === `new_contact_${logical}`);
        const contact = await api.create({ collection: "contacts", data: { lastname: "Patient" } });
        const rows = found.value[0].EntitySetName;
        const row = await api.create({
            collection: rows, data: { new_name: "t", new_level: 727000001, "new_PatientId@odata.bind": `contacts(${contact})` },
            returnRepresentation: true,
        });
        await api.createAttribute({
            entityKey, data: { "@odata.type": type("FileAttributeMetadata"), SchemaName: "new_Scan", DisplayName: label("Scan"), MaxSizeInKB: 10240 },
        });
        const bytes = Buffer.alloc(5 * 1024 * 1024 + 3, unique);
        const file = { collection: rows, key: row[`${logical}id`], property: "new_scan" };
        await api.uploadFile({ ...file, fileName: "knee.pdf", data: bytes });
        const scan = async () => await api.retrieve({ collection: rows, key: file.key, select: ["new_scan", "new_scan_name"] });
        const stored = await scan();
        await api.deleteRecord(file);
        const cleared = (await scan()).new_scan;
        const wrong = await refusal(() => api.create({ collection: rows, data: { new_level: 5 } }));
        await api.deleteRelationship({ key: link.MetadataId });
        await api.deleteRecord({ collection: "EntityDefinitions", key: id });
        await api.deleteGlobalOptionSet({ key: set.MetadataId });
        const after = await api.retrieveEntities({ select: ["LogicalName"], filter: `SchemaName eq '${SchemaName}'` });
        return {
            found: found.value.map((one) => [one.LogicalName === logical, one.EntitySetName === `${logical}s`]),
            entity: [entity.SchemaName === SchemaName, entity.PrimaryNameAttribute],
            custom: entity.Attributes.map((one) => one.LogicalName).filter((name) => name.startsWith("new_") && !name.startsWith(logical)).sort(),
            options: (level.GlobalOptionSet?.Options ?? []).map((one) => [one.Value, one.Label.UserLocalizedLabel.Label]),
            navigation: link.ReferencingEntityNavigationPropertyName,
            row: [row.new_level, row._new_patientid_value === contact],
            file: [stored.new_scan_name, stored.new_scan?.length, cleared],
            wrong,
            after: after.value.length,
        };
    },
};

const seen = {};
for (const [name, step] of Object.entries(steps)) {
    seen[name] = await refusal(step);
}
console.log(JSON.stringify(seen));
