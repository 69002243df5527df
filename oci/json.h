/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OCI_JSON_H
#define OCI_JSON_H

/*
 * JSON documents of others that are changed and written again.
 */
struct cJSON;

/*
 * As cJSON_Parse(), but each number is a cJSON_Raw item with the text that it
 * had, so that printing the tree does not round it. NULL when text is no JSON
 * or there is no memory. For cJSON_Delete() by the caller.
 */
struct cJSON *oci_json_parse_exact(const char *text);

#endif
