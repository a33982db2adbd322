# gale.bash - completion for bash: what gale itself offers. SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash

_gale() {
	local word=${COMP_WORDS[COMP_CWORD]} line

	COMPREPLY=()
	while IFS= read -r line; do
		case $line in
		FILES) compopt -o default ;;
		*=) compopt -o nospace; COMPREPLY+=("$line") ;;
		*) COMPREPLY+=("$line") ;;
		esac
	done < <("${COMP_WORDS[0]}" complete "${COMP_WORDS[@]:1:COMP_CWORD-1}" "$word" 2> /dev/null)
}
complete -F _gale gale
