# gale.bash - completion for bash: what gale itself offers. SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash

# bash takes words apart at "=" and ":"; gale wants them whole, but for --option=value, which is two
# words to it. Leaves them in `words`, and what bash does not take as part of the last one in `before`.
_gale_words() {
	local i piece glue=

	words=() before=
	for ((i = 0; i <= COMP_CWORD; i++)); do
		piece=${COMP_WORDS[i]}
		if [[ $piece == = && ${words[-1]} == --* ]]; then
			words+=("")
			before='' glue=1
		elif [[ $i -gt 1 && -n $piece && ( $piece == [=:]* || -n $glue ) ]]; then
			before=${words[-1]}
			[[ $piece != [=:] ]] || before+=$piece
			words[-1]+=$piece
			glue=''
			[[ $piece != [=:] ]] || glue=1
		else
			words+=("$piece")
			before='' glue=''
		fi
	done
}

_gale() {
	local words before line

	_gale_words
	COMPREPLY=()
	while IFS= read -r line; do
		case $line in
		FILES)
			compopt -o filenames 2> /dev/null
			mapfile -t -O ${#COMPREPLY[@]} COMPREPLY < <(compgen -f -- "${words[-1]#"$before"}")
			;;
		*)
			[[ $line != *= ]] || compopt -o nospace 2> /dev/null
			COMPREPLY+=("${line#"$before"}")
			;;
		esac
	done < <("${words[0]}" complete "${words[@]:1}" 2> /dev/null)
}
complete -F _gale gale
