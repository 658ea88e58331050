/* `webhost doctor`; app/daemon/doctor.h does the looking. */
#include "app/daemon/doctor.h"

#include "app/cli/commands.h"
#include "app/cli/views.h"

#define DOCTOR(member) offsetof(struct serve_options, member)

static const struct option_spec doctor_options[] = {
    {.field = {"config", FIELD_TEXT, DOCTOR(config), .max_len = 4096,
               .help = "the configuration that serve is to have"},
     .letter = 'c',
     .metavar = "FILE"},
    {.field = {"data", FIELD_TEXT, DOCTOR(data), .max_len = 4096, .help = "as serve's"},
     .letter = 'd',
     .metavar = "DIR"},
    {.field = {"database", FIELD_TEXT, DOCTOR(database), .max_len = 4096, .help = "as serve's"},
     .metavar = "URL"},
    {.field = {"listen", FIELD_TEXT, DOCTOR(listen), .help = "as serve's"},
     .letter = 'l',
     .metavar = "ADDR:PORT"},
    {.field = {"policy", FIELD_TEXT, DOCTOR(policy), .max_len = 4096, .help = "as serve's"},
     .metavar = "FILE|NAME"},
    OPTION_END,
};

static void print_finding(struct cli *cli, const struct finding *f)
{
    static const enum tone tones[] = {TONE_GOOD, TONE_BUSY, TONE_BAD};
    put_tone(cli->out, &cli->terminal, tones[f->status], finding_status_names[f->status]);
    (void)fprintf(cli->out, "%*s%s: ", f->status == FINDING_OK ? 4 : 2, "", f->check);
    put_text(cli->out, f->seen);
    if (f->advice) {
        (void)fputs("\n      -> ", cli->out);
        put_text(cli->out, f->advice);
    }
    (void)fputc('\n', cli->out);
}

static void print_report_json(struct cli *cli, struct doctor_report *report)
{
    struct records all = {report->findings, report->count};
    _cleanup_json_ json_t *out =
        json_pack("{s:s, s:o}", "status", finding_status_names[report->worst], "checks",
                  json_encode_list(finding_fields, all, sizeof(struct finding), JSON_KEEP_ABSENT));
    print_json(cli, out);
}

static enum cli_exit doctor_command_run(struct cli *cli, const struct command *self,
                                        const void *options)
{
    (void)self;
    struct serve_options serve = *(const struct serve_options *)options;
    serve.log_format = serve.log_level = -1;
    struct doctor_report report = {.arena = &cli->arena};
    doctor_run(&serve, cli->clock, &report);
    if (cli_wants_json(cli))
        print_report_json(cli, &report);
    for (size_t i = 0; !cli_wants_json(cli) && i < report.count; i++)
        print_finding(cli, &report.findings[i]);
    return (enum cli_exit)report.worst; /* 0, 1 or 2, as its help says */
}

const struct command command_doctor = {
    .name = "doctor",
    .group = GROUP_RUN,
    .summary = "Look at all that serve needs and say what is wrong",
    .details = "Needs no running server, changes nothing and prints no secret. Exits with 0 when "
               "all is well, 1 after a warning, 2 when something will not work.",
    .options = doctor_options,
    .options_size = sizeof(struct serve_options),
    .run = doctor_command_run,
    .examples =
        (const struct example[]){
            {"webhost doctor --config /etc/webhost.yaml", "before the first start"},
            {0},
        },
};
