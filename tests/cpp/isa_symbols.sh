# The files compiled for one instruction set must show nothing that the linker could pick for all: of several copies of a
# weak symbol it keeps one, which might be the one with AVX-512. Called with the engine's object files.
status=0
for object in "$@"; do
    case $object in
        *isa_*)
            weak=$(nm "$object" | grep -E ' [WVu] ')
            if [ -n "$weak" ]; then
                echo "weak symbols in $object:"
                echo "$weak"
                status=1
            fi
            ;;
    esac
done
exit $status
