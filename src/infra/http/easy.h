/*
 * libcurl's handles, with libcurl made ready for the whole process first: what it frees is wiped.
 */
#ifndef WEBHOST_INFRA_HTTP_EASY_H
#define WEBHOST_INFRA_HTTP_EASY_H

#include <curl/curl.h>

/* Never NULL; freed with curl_easy_cleanup(). */
CURL *easy_new(void);

#endif
