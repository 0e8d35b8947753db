#include "schedule_files.h"
#include "schedule_quote.h"

#include <stdio.h>
#include <string.h>

#define FOLDER "/etc/kist/conf.d"

struct file_name {
    char text[260];
};

/* A key of a ConfigMap: the file's own name where that can be one. */
static struct file_name key_of(const struct kist_schedule_facts *facts, size_t i)
{
    static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.";
    struct file_name name;
    const char *slash = strrchr(facts->files.items[i], '/');
    const char *base = slash ? slash + 1 : facts->files.items[i];
    size_t size = strlen(base);
    if (size > 4 && size < 250 && strspn(base, letters) == size && strcmp(base + size - 4, ".ini") == 0)
        snprintf(name.text, sizeof name.text, "%s", base);
    else
        snprintf(name.text, sizeof name.text, "%03zu.ini", i);
    return name;
}

static void add_head(const struct kist_schedule_facts *facts, struct kist_text *text)
{
    kist_text_add(text, "# kist.yaml - runs the pipelines that are due. First give it its configuration, and an "
                        "image with kist and the\n"
                        "# client programs of the databases:\n#\n#   kubectl create configmap kist-config");
    for (size_t i = 0; i < facts->files.count; i++) {
        kist_text_printf(text, " \\\n#     --from-file=%s=", key_of(facts, i).text);
        kist_quote_shell(text, facts->files.items[i]);
    }
    kist_text_add(text, "\n");
    if (facts->credentials.count)
        kist_text_add(text, "#   kubectl create secret generic kist-credentials");
    for (size_t i = 0; i < facts->credentials.count; i++)
        kist_text_printf(text, " \\\n#     --from-file=%s=%s", facts->credentials.items[i],
                         facts->credentials.items[i]);
    kist_text_add(text, facts->credentials.count ? "\n" : "");
    if (facts->variables.count)
        kist_text_add(text, "#   kubectl create secret generic kist-environment");
    for (size_t i = 0; i < facts->variables.count; i++)
        kist_text_printf(text, " \\\n#     --from-literal=%s=...", facts->variables.items[i]);
    kist_text_add(text, facts->variables.count ? "\n#\n" : "#\n");
    kist_text_add(text, "# The configuration says when each pipeline is due:\n");
    kist_schedule_add_pipelines(facts, text);
    kist_text_add(text, "#\n# What must survive lies on the destinations. A destination that is a directory needs "
                        "a volume of its own.\n");
}

/* Lines of YAML, each `depth` deeper. */
static void add_lines(struct kist_text *text, int depth, const char *lines)
{
    while (*lines) {
        size_t size = strcspn(lines, "\n");
        kist_text_printf(text, "%*s%.*s\n", depth, "", (int)size, lines);
        lines += size + (lines[size] == '\n');
    }
}

static void add_container(const struct kist_schedule_facts *facts, struct kist_text *text, int depth,
                          const char *args)
{
    add_lines(text, depth, "- name: kist\n  image: kist:latest # yours\n  command: [\"kist\"]");
    kist_text_printf(text, "%*s  args: %s\n", depth, "", args);
    add_lines(text, depth,
              "  env:\n    - {name: KIST_CONFIG, value: " FOLDER
              "}\n    - {name: KIST_STATE, value: /var/lib/kist}");
    if (facts->credentials.count)
        add_lines(text, depth, "    - {name: CREDENTIALS_DIRECTORY, value: /run/credentials/kist}");
    if (facts->variables.count)
        add_lines(text, depth, "  envFrom:\n    - secretRef: {name: kist-environment}");
    add_lines(text, depth,
              "  securityContext:\n    allowPrivilegeEscalation: false\n    readOnlyRootFilesystem: true\n"
              "    capabilities: {drop: [ALL]}\n"
              "  resources:\n    requests: {cpu: 100m, memory: 128Mi}\n    limits: {memory: 1Gi}");
    add_lines(
        text, depth,
        "  volumeMounts:\n    - {name: state, mountPath: /var/lib/kist}\n    - {name: tmp, mountPath: /tmp}");
    /* Each by itself: the folder of a ConfigMap lets everybody write, and kist does not trust such a one. */
    for (size_t i = 0; i < facts->files.count; i++) {
        struct file_name key = key_of(facts, i);
        kist_text_printf(
            text, "%*s    - {name: config, mountPath: \"" FOLDER "/%s\", subPath: \"%s\", readOnly: true}\n",
            depth, "", key.text, key.text);
    }
    if (facts->credentials.count)
        add_lines(text, depth, "    - {name: credentials, mountPath: /run/credentials/kist, readOnly: true}");
}

static void add_pod(const struct kist_schedule_facts *facts, struct kist_text *text, int depth, const char *args,
                    const char *more)
{
    add_lines(text, depth,
              "automountServiceAccountToken: false\nsecurityContext:\n  runAsNonRoot: true\n  runAsUser: 65532\n"
              "  runAsGroup: 65532\n  fsGroup: 65532\n  seccompProfile: {type: RuntimeDefault}\ncontainers:");
    add_container(facts, text, depth + 2, args);
    add_lines(text, depth + 4, more);
    add_lines(text, depth,
              "volumes:\n  - {name: config, configMap: {name: kist-config}}\n  - {name: state, emptyDir: {}}\n"
              "  - {name: tmp, emptyDir: {}}");
    if (facts->credentials.count)
        add_lines(text, depth,
                  "  - {name: credentials, secret: {secretName: kist-credentials, defaultMode: 0440}}");
}

void kist_schedule_write_kubernetes(const struct kist_schedule_facts *facts, struct kist_text *text)
{
    add_head(facts, text);
    add_lines(
        text, 0,
        "---\napiVersion: batch/v1\nkind: CronJob\nmetadata:\n  name: kist\nspec:\n  schedule: \"*/5 * * * *\"\n"
        "  concurrencyPolicy: Forbid\n  startingDeadlineSeconds: 240\n  successfulJobsHistoryLimit: 1\n"
        "  failedJobsHistoryLimit: 3\n  jobTemplate:\n    spec:\n      backoffLimit: 0\n"
        "      activeDeadlineSeconds: 86400\n      template:\n        spec:\n          restartPolicy: Never\n"
        "          terminationGracePeriodSeconds: 120");
    add_pod(facts, text, 10, "[\"--quiet\", \"run\", \"--due\"]", "");
    add_lines(
        text, 0,
        "---\n# Instead of the CronJob, one pod that waits: set replicas to 1 here, and `suspend: true` there.\n"
        "apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: kist-daemon\nspec:\n  replicas: 0\n"
        "  strategy: {type: Recreate}\n  selector:\n    matchLabels: {app: kist-daemon}\n  template:\n"
        "    metadata:\n      labels: {app: kist-daemon}\n    spec:\n"
        "      terminationGracePeriodSeconds: 1800 # running backups may come to their end");
    add_pod(facts, text, 6, "[\"daemon\"]",
            "# Stale (8), degraded (3) or missing (6) backups are for your alerts: a new start of the pod would "
            "cure none.\n"
            "livenessProbe:\n  exec:\n    command:\n      - sh\n      - -c\n"
            "      - \"kist --quiet status >/dev/null; case $? in 0|3|6|8) exit 0;; *) exit 1;; esac\"\n"
            "  initialDelaySeconds: 60\n  periodSeconds: 300\n  timeoutSeconds: 120\n  failureThreshold: 5");
}
