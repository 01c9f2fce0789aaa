# Completions of perfbox for bash; made by `perfbox completions bash`.
_perfbox() {
    local candidate words=("${COMP_WORDS[@]}")
    # $2 is the word only as far as the cursor. Bash takes `=` for a word, and gives none then.
    if [[ "${BASH_VERSINFO[0]}" -ge 4 && "${words[COMP_CWORD]}" != "=" ]]; then
        words[COMP_CWORD]="$2"
        # Nor does it give the quote that is still open, in which the candidates are to go on.
        case "${COMP_WORDS[COMP_CWORD]}" in
            [\"\']*) [[ "$2" == [\"\']* ]] || words[COMP_CWORD]="${COMP_WORDS[COMP_CWORD]:0:1}$2" ;;
        esac
    fi
    COMPREPLY=()
    # Bash puts them into the line as they are, to be run: they come quoted.
    while IFS= read -r candidate; do
        COMPREPLY+=("$candidate")
    done < <(COMPLETE=bash _CLAP_COMPLETE_INDEX="$COMP_CWORD" COMPLETER -- "${words[@]}" 2>/dev/null)
    # What ends so is to be gone on with.
    if [[ "${COMPREPLY[0]-}" == *[=/.:] ]]; then
        compopt -o nospace 2>/dev/null || true
    fi
}
if [[ "${BASH_VERSINFO[0]}" -eq 4 && "${BASH_VERSINFO[1]}" -ge 4 || "${BASH_VERSINFO[0]}" -gt 4 ]]; then
    complete -o bashdefault -o nosort -F _perfbox perfbox
else
    complete -o bashdefault -F _perfbox perfbox
fi
