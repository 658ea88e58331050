-- What the clouds ask for what they sell, as last read from them.

-- One row for each thing that is sold in a location.
CREATE TABLE cloud_prices (
    provider TEXT NOT NULL,
    item TEXT NOT NULL, -- the server type
    location TEXT NOT NULL,
    currency TEXT NOT NULL, -- ISO 4217
    amount BIGINT NOT NULL, -- a month, without VAT, in 1/10000
    read_at BIGINT NOT NULL,
    PRIMARY KEY (provider, item, location)
);
