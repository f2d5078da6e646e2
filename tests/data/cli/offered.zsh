# Prints what zsh offers at the end of a line:   zsh -f offered.zsh FOLDER LINE
# FOLDER holds _sora-gen. A second zsh runs in a terminal of its own, gets the line and a tab, and writes down what its
# completion system adds.
zmodload zsh/zpty
export folder=$1 offered=$(mktemp) setup=$(mktemp)
cat > $setup <<'END'
PROMPT=
fpath=($folder $fpath)
autoload -Uz compinit
compinit -u -C -d $folder/dump
bindkey '^I' complete-word
compadd() {
  local -a hits
  if [[ ${@[1,(i)(-|--)]} != *-(O|A|D)\ * ]]; then
    builtin compadd -A hits "$@"
    (( $#hits == 0 )) || print -rl -- $hits >> $offered
  fi
  builtin compadd "$@"
}
comppostfuncs=(exit)
print ready
END
zpty terminal zsh -f -i
zpty -w terminal "source $setup"
zpty -r terminal output '*ready*'
zpty -n -w terminal "$2"$'\t'
while zpty -r terminal output; do :; done
cat $offered
rm -f $offered $setup
