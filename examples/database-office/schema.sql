-- mkdir -p /tmp/globstar-database-office && sqlite3 /tmp/globstar-database-office/office.sqlite3 < schema.sql
-- The columns are those of Asterisk's tables; what is not needed is left out.
CREATE TABLE ps_endpoints (
    id VARCHAR(255) PRIMARY KEY, auth VARCHAR(255), aors VARCHAR(2048), context VARCHAR(80), disallow VARCHAR(200),
    allow VARCHAR(200), direct_media VARCHAR(3), callerid VARCHAR(80), mailboxes VARCHAR(80)
);
CREATE TABLE ps_auths (id VARCHAR(255) PRIMARY KEY, auth_type VARCHAR(20), username VARCHAR(80), password VARCHAR(80));
CREATE TABLE ps_aors (id VARCHAR(255) PRIMARY KEY, max_contacts INTEGER, remove_existing VARCHAR(3));
CREATE TABLE ps_contacts (
    id VARCHAR(255) PRIMARY KEY, uri VARCHAR(511), expiration_time BIGINT, qualify_frequency INTEGER, outbound_proxy VARCHAR(255),
    path TEXT, user_agent VARCHAR(255), qualify_timeout FLOAT, reg_server VARCHAR(255), authenticate_qualify VARCHAR(3),
    via_addr VARCHAR(40), via_port INTEGER, call_id VARCHAR(255), endpoint VARCHAR(255), prune_on_boot VARCHAR(3),
    qualify_2xx_only VARCHAR(5)
);
CREATE TABLE extensions (
    id INTEGER PRIMARY KEY, context VARCHAR(40), exten VARCHAR(40), priority INTEGER, app VARCHAR(40), appdata VARCHAR(256)
);
CREATE TABLE voicemail (
    uniqueid INTEGER PRIMARY KEY, context VARCHAR(80), mailbox VARCHAR(80), password VARCHAR(80), fullname VARCHAR(80)
);

INSERT INTO ps_endpoints VALUES
    ('alice', 'alice', 'alice', 'office', 'all', 'ulaw,alaw', 'no', 'Alice <201>', '201@default'),
    ('bob', 'bob', 'bob', 'office', 'all', 'ulaw,alaw', 'no', 'Bob <202>', '202@default');
INSERT INTO ps_auths VALUES ('alice', 'userpass', 'alice', 'change-me-1'), ('bob', 'userpass', 'bob', 'change-me-2');
INSERT INTO ps_aors VALUES ('alice', 1, 'yes'), ('bob', 1, 'yes');
INSERT INTO extensions (context, exten, priority, app, appdata) VALUES
    ('office', '201', 1, 'Dial', 'PJSIP/alice,20'), ('office', '201', 2, 'VoiceMail', '201@default,u'),
    ('office', '202', 1, 'Dial', 'PJSIP/bob,20'), ('office', '202', 2, 'VoiceMail', '202@default,u');
INSERT INTO voicemail (context, mailbox, password, fullname) VALUES
    ('default', '201', '1234', 'Alice'), ('default', '202', '4321', 'Bob');
