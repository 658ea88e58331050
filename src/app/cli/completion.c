/* `webhost completion SHELL`: the shells' side of complete.h. */
#include "app/cli/cli.h"
#include "app/cli/commands.h"

static const char bash_script[] =
    "# Completion of webhost for bash. To have it now: source <(webhost completion bash)\n"
    "_webhost() {\n"
    "    local word help\n"
    "    COMPREPLY=()\n"
    "    while IFS=$'\\t' read -r word help; do\n"
    "        # bash has cut the word at = already.\n"
    "        [[ $COMP_WORDBREAKS == *=* ]] && word=${word#--*=}\n"
    "        COMPREPLY+=(\"$word\")\n"
    "    done < <(\"$1\" complete -- \"${COMP_WORDS[@]:1:COMP_CWORD}\" 2>/dev/null)\n"
    "}\n"
    "complete -o default -F _webhost webhost\n";

static const char zsh_script[] =
    "#compdef webhost\n"
    "# Completion of webhost for zsh. To have it now: source <(webhost completion zsh)\n"
    "_webhost() {\n"
    "    local -a found\n"
    "    local word help\n"
    "    while IFS=$'\\t' read -r word help; do\n"
    "        found+=(\"${word//:/\\\\:}${help:+:$help}\")\n"
    "    done < <(\"${words[1]}\" complete -- \"${(@)words[2,CURRENT]}\" 2>/dev/null)\n"
    "    if (( $#found )); then\n"
    "        _describe webhost found\n"
    "    else\n"
    "        _files\n"
    "    fi\n"
    "}\n"
    "if [[ $funcstack[1] == _webhost ]]; then\n"
    "    _webhost \"$@\"\n"
    "else\n"
    "    compdef _webhost webhost\n"
    "fi\n";

static const char fish_script[] =
    "# Completion of webhost for fish. To have it now: webhost completion fish | source\n"
    "function __webhost_complete\n"
    "    set -l words (commandline -opc)\n"
    "    set -l typed (commandline -ct)\n"
    "    set -l found ($words[1] complete -- $words[2..-1] \"$typed\" 2>/dev/null)\n"
    "    if set -q found[1]\n"
    "        printf '%s\\n' $found\n"
    "    else\n"
    "        __fish_complete_path \"$typed\"\n"
    "    end\n"
    "end\n"
    "complete -c webhost -f -a '(__webhost_complete)'\n";

static const char *const shell_names[] = {"bash", "zsh", "fish", NULL};
static const char *const scripts[] = {bash_script, zsh_script, fish_script};

struct completion_options {
    int shell;
};

static const struct option_spec shell_argument[] = {
    {.field = {"SHELL", FIELD_ENUM, offsetof(struct completion_options, shell), .required = true,
               .names = shell_names, .help = "bash, zsh or fish"}},
    OPTION_END,
};

static enum cli_exit completion_run(struct cli *cli, const struct command *self,
                                    const void *options)
{
    (void)self;
    (void)fputs(scripts[((const struct completion_options *)options)->shell], cli->out);
    return CLI_OK;
}

const struct command command_completion = {
    .name = "completion",
    .group = GROUP_SHELL,
    .summary = "Print what makes a shell complete commands",
    .details = "Packages and \"meson install\" put it where shells look for it. Commands and "
               "options are completed without a server; names of customers, hosts, jobs and "
               "their like when there is a token, if the server answers within a second.",
    .arguments = shell_argument,
    .options_size = sizeof(struct completion_options),
    .run = completion_run,
    .examples =
        (const struct example[]){
            {"source <(webhost completion bash)", "in this shell"},
            {"webhost completion fish >~/.config/fish/completions/webhost.fish", "for good"},
            {0},
        },
};
