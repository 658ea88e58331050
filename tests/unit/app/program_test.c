/*
 * The program itself, as a shell starts it: descriptors, signals, terminals and exit codes.
 */
#include "support.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <termios.h>

struct child {
    pid_t pid;
    int in;  /* to its standard input */
    int out; /* from its standard output */
};

/* `in` and `out` become the child's descriptors; -1: a new pipe whose other end is returned. */
static struct child start_with(int in, int out, const char *const *words)
{
    int to[2] = {in, -1}, from[2] = {-1, out};
    const char *program = getenv("WEBHOST_BIN");
    assert_non_null(program);
    assert_true(in >= 0 || pipe2(to, O_CLOEXEC) == 0);
    assert_true(out >= 0 || pipe2(from, O_CLOEXEC) == 0);
    const char *argv[16] = {"webhost"};
    for (size_t i = 0; words[i]; i++)
        argv[i + 1] = words[i];
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        (void)signal(SIGPIPE, SIG_DFL);
        (void)dup2(to[0], STDIN_FILENO);
        (void)dup2(from[1], STDOUT_FILENO);
        (void)execv(program, (char *const *)(void *)argv);
        _exit(127);
    }
    (void)close(to[0]);
    (void)close(from[1]);
    return (struct child){pid, to[1], from[0]};
}

#define START(in, out, ...) start_with((in), (out), (const char *const[]){__VA_ARGS__, NULL})

static int end_of(const struct child *c)
{
    int status;
    assert_int_equal(waitpid(c->pid, &status, 0), c->pid);
    return status;
}

static void assert_exit(const struct child *c, int code)
{
    int status = end_of(c);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), code);
}

/* All that can be read, up to the end; a terminal whose other side is gone says EIO. */
static size_t read_all(int fd, char *text, size_t size)
{
    size_t len = 0;
    ssize_t n;
    while (len < size - 1 && (n = read(fd, text + len, size - 1 - len)) > 0)
        len += (size_t)n;
    text[len] = '\0';
    (void)close(fd);
    return len;
}

static size_t read_line(int fd, char *text, size_t size)
{
    size_t len = 0;
    while (len < size - 1 && read(fd, text + len, 1) == 1 && text[len] != '\n')
        len++;
    text[len] = '\0';
    return len;
}

static int open_null(void)
{
    int fd = open("/dev/null", O_RDWR | O_CLOEXEC);
    assert_true(fd >= 0);
    return fd;
}

/* The side that a person sits at; the other side, for the child, goes to `ret_terminal`. */
static int open_terminal(int *ret_terminal)
{
    int person = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
    assert_true(person >= 0);
    assert_int_equal(grantpt(person), 0);
    assert_int_equal(unlockpt(person), 0);
    char name[128];
    assert_int_equal(ptsname_r(person, name, sizeof(name)), 0);
    *ret_terminal = open(name, O_RDWR | O_NOCTTY | O_CLOEXEC);
    assert_true(*ret_terminal >= 0);
    return person;
}

static void each_profile_is_answered_before_the_next_one_is_written(void **state)
{
    (void)state;
    struct child c = START(-1, -1, "decide", "--batch");
    for (int i = 0; i < 3; i++) {
        static const char profile[] = "{\"budget\": 30}\n";
        char answer[8192];
        assert_int_equal(write(c.in, profile, strlen(profile)), (ssize_t)strlen(profile));
        assert_true(read_line(c.out, answer, sizeof(answer)) > 0);
        assert_contains(answer, "\"mode\":\"multi_tenant\"");
    }
    (void)close(c.in);
    assert_exit(&c, CLI_OK);
    (void)close(c.out);
}

static void a_reader_that_goes_away_ends_a_batch(void **state)
{
    (void)state;
    struct child c = START(-1, -1, "decide", "--batch");
    (void)close(c.out);
    static const char profile[] = "{\"budget\": 30}\n";
    assert_int_equal(write(c.in, profile, strlen(profile)), (ssize_t)strlen(profile));
    int status = end_of(&c);
    assert_true(WIFSIGNALED(status));
    assert_int_equal(WTERMSIG(status), SIGPIPE);
    (void)close(c.in);
}

static void output_that_cannot_be_written_is_a_failure(void **state)
{
    (void)state;
    static const char *const commands_[][4] = {
        {"help"}, {"decide", "--budget", "3"}, {"policy", "show", "plan-v1"}};
    for (size_t i = 0; i < ARRAY_LEN(commands_); i++) {
        int full = open("/dev/full", O_WRONLY | O_CLOEXEC);
        struct child c = start_with(open_null(), full, commands_[i]);
        assert_exit(&c, CLI_FAILED);
    }
    char *path = file_with("{\"budget\": 3}\n");
    struct child c =
        START(open_null(), open("/dev/full", O_WRONLY | O_CLOEXEC), "decide", "--batch", path);
    assert_exit(&c, CLI_FAILED);
    file_remove(path);
}

static void exit_codes_reach_the_shell(void **state)
{
    (void)state;
    static const struct {
        const char *words[4];
        int code;
    } cases[] = {
        {{"--version"}, CLI_OK},
        {{"help"}, CLI_OK},
        {{"nonsense"}, CLI_USAGE},
        {{"decide", "--budget", "lots"}, CLI_USAGE},
        {{"policy", "show", "nonsense"}, CLI_NOT_FOUND},
        {{"policy", "check", "/dev/null"}, CLI_FAILED},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct child c = start_with(open_null(), open_null(), cases[i].words);
        assert_exit(&c, cases[i].code);
    }
}

static void decide_does_not_wait_for_a_person_to_type_a_profile(void **state)
{
    (void)state;
    int terminal, person = open_terminal(&terminal);
    struct child c = START(terminal, open_null(), "decide");
    assert_exit(&c, CLI_USAGE);
    (void)close(person);
}

static void has_colours(bool expected, const char *const *words)
{
    int terminal, person = open_terminal(&terminal);
    char text[8192];
    struct child c = start_with(open_null(), terminal, words);
    assert_true(read_all(person, text, sizeof(text)) > 0);
    assert_exit(&c, CLI_OK);
    assert_int_equal(strstr(text, "\033[") != NULL, expected);
}

#define HAS_COLOURS(expected, ...) has_colours((expected), (const char *const[]){__VA_ARGS__, NULL})

static void a_terminal_has_colours_unless_they_are_not_wanted(void **state)
{
    (void)state;
    assert_int_equal(setenv("TERM", "xterm", 1), 0);
    HAS_COLOURS(true, "decide", "--budget", "3");
    HAS_COLOURS(false, "decide", "--budget", "3", "--no-color");
    assert_int_equal(setenv("NO_COLOR", "1", 1), 0);
    HAS_COLOURS(false, "decide", "--budget", "3");
    assert_int_equal(unsetenv("NO_COLOR"), 0);
    assert_int_equal(setenv("TERM", "dumb", 1), 0);
    HAS_COLOURS(false, "decide", "--budget", "3");
}

static void a_pipe_has_no_colours(void **state)
{
    (void)state;
    char text[8192];
    struct child c = START(open_null(), -1, "decide", "--budget", "3");
    assert_true(read_all(c.out, text, sizeof(text)) > 0);
    assert_exit(&c, CLI_OK);
    assert_lacks(text, "\033");
}

int main(void)
{
    (void)signal(SIGPIPE, SIG_IGN);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_profile_is_answered_before_the_next_one_is_written),
        cmocka_unit_test(a_reader_that_goes_away_ends_a_batch),
        cmocka_unit_test(output_that_cannot_be_written_is_a_failure),
        cmocka_unit_test(exit_codes_reach_the_shell),
        cmocka_unit_test(decide_does_not_wait_for_a_person_to_type_a_profile),
        cmocka_unit_test(a_terminal_has_colours_unless_they_are_not_wanted),
        cmocka_unit_test(a_pipe_has_no_colours),
    };
    return cmocka_run_group_tests(tests, clean_environment, NULL);
}
