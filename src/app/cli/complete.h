/*
 * What may come next on a command line, for completion in shells.
 *
 * The shells' functions (completion.c) ask `webhost complete -- WORD...`, whose last word is the
 * one that is being typed and may be empty, and get a line for each candidate: the word, a tab,
 * what it is. Nothing means: names of files. Candidates are made from the command tables; names of
 * customers, hosts and their like come from the server, if there is a token, within a second.
 *
 * bash takes "=" for a word of its own, so "--to=x" may come as three words.
 */
#ifndef WEBHOST_APP_CLI_COMPLETE_H
#define WEBHOST_APP_CLI_COMPLETE_H

#include "app/cli/cli.h"

/* Prints the candidates. Says nothing when something is wrong: a person is in the middle of typing.
 */
void complete(struct cli *cli, struct texts words);

#endif
