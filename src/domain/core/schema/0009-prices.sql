-- What the clouds ask for what they sell, as last read from them.

-- One row for each thing that is sold in a location.
CREATE TABLE cloud_prices (
    provider TEXT NOT NULL,
    kind TEXT NOT NULL, -- server, primary_ip, volume_gb
    item TEXT NOT NULL, -- the type of server or address
    location TEXT NOT NULL, -- empty: the same everywhere
    currency TEXT NOT NULL, -- ISO 4217
    amount BIGINT NOT NULL, -- a month, without VAT, in 1/10000
    read_at BIGINT NOT NULL,
    PRIMARY KEY (provider, kind, item, location)
);
