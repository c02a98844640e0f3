# fish completion for preforkctl
# SPDX-License-Identifier: MIT

# The verb before the cursor and its arguments: the words without options and their values.
function __preforkctl_words
    set -l words (commandline -opc)
    set -e words[1]
    while set -q words[1]
        switch $words[1]
            case --address --host --machine --root --json --format --signal --property --lines -H -M -s -p -n \
                --hosts --upgrade-command --parallel --drain-wait --drain-timeout --soak
                set -e words[1]
            case '-*'
            case '*'
                echo $words[1]
        end
        set -e words[1]
    end
end

# Asks the pools that the options before the cursor name.
function __preforkctl_ask
    set -l words (commandline -opc)
    set -e words[1]
    set -l bus
    while set -q words[1]
        switch $words[1]
            case '-H*' '-M*' --host '--host=*' '--machine*'
                # Another machine is not asked: ssh could want a password in the middle of the line, or hang.
                return
            case --user --system
                set -a bus $words[1]
            case '--address=*' '--root=*'
                set -a bus (string split -m 1 = -- $words[1])
            case --address --root
                set -a bus $words[1..2]
                set -e words[1]
        end
        set -e words[1]
    end
    timeout 2 preforkctl --no-pager --no-ask-password $bus $argv 2>/dev/null
end

function __preforkctl_verbs
    printf '%s\t%s\n' \
        list 'list all pools' \
        status 'show the state of pools' \
        workers 'list worker processes' \
        show 'print all properties of a pool or slot' \
        why 'show why workers ended' \
        reload 'read the config again and replace the workers' \
        apply 'make all config changes effective' \
        plan 'show what a reload would change' \
        scale 'set the number of workers, or let the load decide' \
        rebalance 'move open connections so that the workers have equally many' \
        drain 'ask load balancers for no new clients' \
        undrain 'end a drain' \
        upgrade 'execute the installed preforkd in place of the running one' \
        rollout 'reload or upgrade a pool on several hosts' \
        recycle 'replace workers' \
        kill 'send a signal to a worker' \
        events 'print events as they happen' \
        watch 'show a live table of the workers' \
        logs 'show the journal of a pool and its workers' \
        metrics 'print load and health, for monitoring' \
        check 'check a config' \
        version 'print the versions of preforkctl and of the pools'
end

function __preforkctl_arguments
    set -l words (__preforkctl_words)
    switch "$words[1]:"(count $words)
        case ':0'
            __preforkctl_verbs
        case 'list:*' 'version:*'
        case 'check:1'
            __preforkctl_ask --quiet list
            __fish_complete_path (commandline -ct)
        case '*:1' 'status:*'
            __preforkctl_ask --quiet list
        case 'show:2' 'why:2' 'kill:2' 'logs:2' 'recycle:*'
            __preforkctl_ask --no-legend workers $words[2] | string match -r '^ *\d+' | string trim
    end
end

complete -c preforkctl -f -a '(__preforkctl_arguments)'
complete -c preforkctl -l system -d 'use the system bus'
complete -c preforkctl -l user -d 'use the session bus of the user'
complete -c preforkctl -l address -x -d 'use the bus at this address'
complete -c preforkctl -s H -l host -x -a '(__fish_print_hostnames)' -d 'use another machine'
complete -c preforkctl -s M -l machine -x -a '(machinectl --no-legend --no-pager list 2>/dev/null | string match -r "^\S+")' \
    -d 'use a local container'
complete -c preforkctl -l root -x -a '(__fish_complete_directories)' -d 'look for configs below this folder'
complete -c preforkctl -l json -x -a 'short pretty off' -d 'print JSON'
complete -c preforkctl -l no-legend -d 'do not print headers and footers of tables'
complete -c preforkctl -l no-pager -d 'do not pipe long output into a pager'
complete -c preforkctl -s l -l full -d 'do not shorten lines'
complete -c preforkctl -s q -l quiet -d 'do not print progress and remarks'
complete -c preforkctl -l no-ask-password -d 'do not ask for a password'
complete -c preforkctl -l all -d 'recycle: replace every worker'
complete -c preforkctl -s s -l signal -x -a '(string match -ar "[A-Z]\S*" -- (bash -c "kill -l"))' -d 'kill: the signal'
complete -c preforkctl -s p -l property -x -d 'show: print only these properties'
complete -c preforkctl -l value -d 'show: print values without names'
complete -c preforkctl -s f -l follow -d 'logs: print new lines as they arrive'
complete -c preforkctl -s n -l lines -x -d 'logs: print only the last lines'
complete -c preforkctl -l format -x -a 'openmetrics prometheus' -d 'metrics: the format'
complete -c preforkctl -l hosts -x -a '(__fish_print_hostnames)' -d 'rollout: the hosts'
complete -c preforkctl -l upgrade -d 'rollout: upgrade the package'
complete -c preforkctl -l upgrade-command -x -d 'rollout: upgrade by this command'
complete -c preforkctl -l parallel -x -d 'rollout: hosts at a time'
complete -c preforkctl -l drain-wait -x -d 'rollout: in which load balancers notice a drain'
complete -c preforkctl -l drain-timeout -x -d 'rollout: wait for connections at most'
complete -c preforkctl -l soak -x -d 'rollout: watch each host'
complete -c preforkctl -l dry-run -d 'rollout: show what would be done'
complete -c preforkctl -l from-start -d 'rollout: also hosts that are done'
complete -c preforkctl -s h -l help -d 'print help'
complete -c preforkctl -l version -d 'print the version'
