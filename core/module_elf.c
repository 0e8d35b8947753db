#include "module_elf.h"

#include <errno.h>
#include <link.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* The linker defines it: our own header, which says what this machine loads. */
extern const ElfW(Ehdr) __ehdr_start __attribute__((visibility("hidden")));

#define LARGEST_IMAGE (UINT64_C(1) << 31) /* far above any library, far below what could wrap around */

struct elf {
    int fd;
    uint64_t size; /* of the file */
    ElfW(Ehdr) header;
    ElfW(Phdr) * segments;
    ElfW(Shdr) * sections; /* NULL: none */
    size_t section_count;
};

static int check_inside(const struct elf *elf, uint64_t offset, uint64_t size, struct kist_error *err)
{
    if (offset <= elf->size && size <= elf->size - offset)
        return 0;
    kist_fail(err, KIST_ERR_CONFIG, "the file is cut off or damaged: it has %llu bytes and speaks of %s%llu",
              (unsigned long long)elf->size, offset + size < offset ? "more than " : "",
              (unsigned long long)(offset + size < offset ? offset : offset + size));
    kist_hint(err, "install the plugin again");
    return err->code;
}

static int read_at(const struct elf *elf, uint64_t offset, void *data, size_t size, struct kist_error *err)
{
    char *at = data;
    if (check_inside(elf, offset, size, err) != 0)
        return err->code;
    while (size > 0) {
        ssize_t got = pread(elf->fd, at, size, (off_t)offset);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            return kist_fail(err, KIST_ERR_CONFIG, "cannot read the file: %s",
                             got < 0 ? strerror(errno) : "it became shorter");
        at += got;
        offset += (uint64_t)got;
        size -= (size_t)got;
    }
    return 0;
}

/* A new array of what stands there. The size is checked before memory is taken for it. */
static int read_new(const struct elf *elf, uint64_t offset, uint64_t size, void **ret_data, struct kist_error *err)
{
    if (check_inside(elf, offset, size, err) != 0)
        return err->code;
    void *data = malloc((size_t)size + 1);
    if (!data)
        return kist_fail_errno(err, ENOMEM, "cannot read the file");
    if (read_at(elf, offset, data, (size_t)size, err) != 0) {
        free(data);
        return err->code;
    }
    ((char *)data)[size] = '\0';
    *ret_data = data;
    return 0;
}

static const char *machine_name(unsigned machine)
{
    switch (machine) {
    case EM_386: return "i386";
    case EM_X86_64: return "x86-64";
    case EM_ARM: return "arm";
    case EM_AARCH64: return "aarch64";
    case EM_RISCV: return "riscv";
    case EM_PPC64: return "ppc64";
    case EM_S390: return "s390";
    default: return "another machine";
    }
}

static int check_header(struct elf *elf, struct kist_error *err)
{
    const ElfW(Ehdr) *own = &__ehdr_start;
    unsigned char ident[EI_NIDENT] = {0};
    if (elf->size == 0)
        return kist_fail(err, KIST_ERR_CONFIG, "the file is empty");
    if (read_at(elf, 0, ident, elf->size < SELFMAG ? (size_t)elf->size : SELFMAG, err) != 0)
        return err->code;
    if (memcmp(ident, ELFMAG, SELFMAG) != 0)
        return kist_fail(err, KIST_ERR_CONFIG, "it is not a shared library (no ELF file)");
    if (read_at(elf, 0, &elf->header, sizeof elf->header, err) != 0)
        return err->code;
    if (elf->header.e_ident[EI_CLASS] != own->e_ident[EI_CLASS] ||
        elf->header.e_ident[EI_DATA] != own->e_ident[EI_DATA] || elf->header.e_machine != own->e_machine)
        return kist_fail(err, KIST_ERR_CONFIG, "it is made for %s (%u, %d bits), and this is %s (%u, %d bits)",
                         machine_name(elf->header.e_machine), elf->header.e_machine,
                         elf->header.e_ident[EI_CLASS] == ELFCLASS32 ? 32 : 64, machine_name(own->e_machine),
                         own->e_machine, own->e_ident[EI_CLASS] == ELFCLASS32 ? 32 : 64);
    if (elf->header.e_type != ET_DYN)
        return kist_fail(err, KIST_ERR_CONFIG, "it is not a shared library (ELF type %u)", elf->header.e_type);
    return 0;
}

/* The dynamic linker trusts these numbers, and maps over the program's own memory when they are wrong. */
static int is_sound_load(const ElfW(Phdr) * segment, uint64_t last_end)
{
    uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);
    return segment->p_vaddr >= last_end && segment->p_filesz <= segment->p_memsz &&
           segment->p_vaddr <= LARGEST_IMAGE && segment->p_memsz <= LARGEST_IMAGE &&
           segment->p_vaddr % page == segment->p_offset % page;
}

static int read_segments(struct elf *elf, struct kist_error *err)
{
    size_t count = elf->header.e_phnum;
    int dynamic = 0;
    uint64_t end = 0;
    void *data = NULL;
    if (count == 0 || elf->header.e_phentsize != sizeof *elf->segments)
        return kist_fail(err, KIST_ERR_CONFIG, "it is not a shared library (no program headers)");
    if (read_new(elf, elf->header.e_phoff, count * sizeof *elf->segments, &data, err) != 0)
        return err->code;
    elf->segments = data;
    for (size_t i = 0; i < count; i++) {
        const ElfW(Phdr) *segment = &elf->segments[i];
        if (segment->p_type != PT_NULL && check_inside(elf, segment->p_offset, segment->p_filesz, err) != 0)
            return err->code;
        dynamic |= segment->p_type == PT_DYNAMIC;
        if (segment->p_type != PT_LOAD)
            continue;
        if (!is_sound_load(segment, end))
            return kist_fail(err, KIST_ERR_CONFIG, "the file is damaged (its segments make no sense)");
        end = segment->p_vaddr + segment->p_memsz;
    }
    if (!dynamic || end == 0)
        return kist_fail(err, KIST_ERR_CONFIG, "it is not a shared library (nothing to load in it)");
    return 0;
}

static int read_sections(struct elf *elf, struct kist_error *err)
{
    size_t count = elf->header.e_shnum;
    void *data = NULL;
    if (elf->header.e_shoff == 0 || count == 0)
        return 0;
    if (elf->header.e_shentsize != sizeof *elf->sections)
        return kist_fail(err, KIST_ERR_CONFIG, "the file is damaged (its section headers have another size)");
    if (read_new(elf, elf->header.e_shoff, count * sizeof *elf->sections, &data, err) != 0)
        return err->code;
    elf->sections = data;
    elf->section_count = count;
    for (size_t i = 0; i < count; i++) {
        const ElfW(Shdr) *section = &elf->sections[i];
        if (section->sh_type != SHT_NOBITS && section->sh_type != SHT_NULL &&
            check_inside(elf, section->sh_offset, section->sh_size, err) != 0)
            return err->code;
    }
    return 0;
}

/* Reads the descriptor's head from the segment that its address lies in. */
static int read_head(const struct elf *elf, const ElfW(Sym) * symbol, struct kist_module_peek *ret_peek,
                     struct kist_error *err)
{
    struct kist_module_peek peek = {.found = 1, .size = symbol->st_size};
    if (symbol->st_size < sizeof peek.head)
        return kist_fail(err, KIST_ERR_CONFIG, "it is not a kist plugin (its descriptor has %llu bytes)",
                         (unsigned long long)symbol->st_size);
    for (size_t i = 0; i < elf->header.e_phnum; i++) {
        const ElfW(Phdr) *segment = &elf->segments[i];
        if (segment->p_type != PT_LOAD || symbol->st_value < segment->p_vaddr)
            continue;
        uint64_t within = symbol->st_value - segment->p_vaddr;
        if (within < segment->p_filesz && segment->p_filesz - within >= sizeof peek.head) {
            if (read_at(elf, segment->p_offset + within, &peek.head, sizeof peek.head, err) != 0)
                return err->code;
            *ret_peek = peek;
            return 0;
        }
    }
    return kist_fail(err, KIST_ERR_CONFIG, "it is not a kist plugin (its descriptor is not constant data)");
}

static const ElfW(Sym) * find_symbol(const ElfW(Sym) * symbols, size_t count, const char *strings,
                                     uint64_t strings_size, const char *name)
{
    for (size_t i = 0; i < count; i++)
        if (symbols[i].st_name < strings_size && symbols[i].st_shndx != SHN_UNDEF &&
            strcmp(strings + symbols[i].st_name, name) == 0)
            return &symbols[i];
    return NULL;
}

static int peek_in(const struct elf *elf, const ElfW(Shdr) * table, const char *name,
                   struct kist_module_peek *ret_peek, struct kist_error *err)
{
    void *symbols = NULL, *strings = NULL;
    if (table->sh_entsize != sizeof(ElfW(Sym)) || table->sh_link >= elf->section_count)
        return kist_fail(err, KIST_ERR_CONFIG, "the file is damaged (its symbol table makes no sense)");
    const ElfW(Shdr) *names = &elf->sections[table->sh_link];
    if (names->sh_type != SHT_STRTAB)
        return kist_fail(err, KIST_ERR_CONFIG, "the file is damaged (its symbols have no names)");
    int code = read_new(elf, table->sh_offset, table->sh_size, &symbols, err);
    if (code == 0)
        code = read_new(elf, names->sh_offset, names->sh_size, &strings, err);
    if (code == 0) {
        const ElfW(Sym) *symbol =
            find_symbol(symbols, (size_t)(table->sh_size / sizeof *symbol), strings, names->sh_size, name);
        if (!symbol || ELF64_ST_TYPE(symbol->st_info) != STT_OBJECT)
            code = kist_fail(err, KIST_ERR_CONFIG, "it is not a kist plugin (it has no data symbol '%s')", name);
        else
            code = read_head(elf, symbol, ret_peek, err);
    }
    free(symbols);
    free(strings);
    return code;
}

static int peek(const struct elf *elf, const char *name, struct kist_module_peek *ret_peek, struct kist_error *err)
{
    for (size_t i = 0; i < elf->section_count; i++)
        if (elf->sections[i].sh_type == SHT_DYNSYM)
            return peek_in(elf, &elf->sections[i], name, ret_peek, err);
    *ret_peek = (struct kist_module_peek){.found = 0};
    return 0;
}

int kist_module_elf_check(int fd, const char *symbol, struct kist_module_peek *ret_peek, struct kist_error *err)
{
    struct stat st;
    if (fstat(fd, &st) != 0)
        return kist_fail(err, KIST_ERR_CONFIG, "cannot look at the file: %s", strerror(errno));
    struct elf elf = {.fd = fd, .size = (uint64_t)st.st_size};
    int code = check_header(&elf, err);
    if (code == 0)
        code = read_segments(&elf, err);
    if (code == 0)
        code = read_sections(&elf, err);
    if (code == 0)
        code = peek(&elf, symbol, ret_peek, err);
    free(elf.segments);
    free(elf.sections);
    return code;
}
