// bindings/array_making.cpp: Arrays of variables, of numbers, and of entries that are there.
#include <pybind11/numpy.h>

#include <algorithm>

#include "bindings/array_block.hpp"
#include "bindings/array_functions.hpp"
#include "bindings/array_views.hpp"
#include "bindings/node.hpp"
#include "bindings/tape.hpp"

namespace py = pybind11;

namespace reelgrad::python {
namespace {

using Doubles = py::array_t<double, py::array::c_style | py::array::forcecast>;
using Positions = py::array_t<std::int64_t>;

// Entries that are numbers and have no derivative: `write` fills them in.
template <class Write>
py::object constant_entries(Tape& tape, std::span<const std::ptrdiff_t> shape, Write&& write) {
    const Layout layout = Layout::contiguous(shape);
    const std::size_t size = layout.size();
    if (size == 0) return py::reinterpret_steal<py::object>(new_array(tape.make_set(0, 0), 0, layout));
    tape.make_block_room(true, size);
    BlockInMaking making(tape);
    Block& block = making.block;
    block.opcode = opcode_of<ops::StopGradient>;
    block.first = static_cast<Index>(tape.size());
    block.count = block.elements = size;
    block.shape[0] = static_cast<std::uint32_t>(size);
    block.entry_strides[0] = 1;
    write(block.operands[0], size);
    return py::reinterpret_steal<py::object>(record_array(tape, making, shape));
}

// A variable for each number.
py::object variables_of(Tape& tape, const Doubles& values) {
    if (!tape.is_mine()) {
        throw TapeThreadError("this tape belongs to another thread: make variables on the thread that made the tape");
    }
    const Layout layout = Layout::contiguous(layout_of(values, "array(values)").lengths());
    const auto size = static_cast<std::size_t>(values.size());
    const Index first = size == 0 ? 0 : tape.add_variables({values.data(), size}, true);
    return py::reinterpret_steal<py::object>(new_array(tape.make_set(first, size), 0, layout));
}

py::object constants_of(Tape& tape, const Doubles& values) {
    if (!tape.is_mine()) throw TapeThreadError("this tape belongs to another thread: record on the one that made it");
    const Layout layout = layout_of(values, "a constant");
    return constant_entries(tape, layout.lengths(), [&](BlockOperand& x, std::size_t size) {
        x.kind = BlockOperand::Kind::constants;
        x.values = tape.blocks().store(size);
        std::copy_n(values.data(), size, tape.blocks().numbers(x.values));
        std::copy_n(values.data(), size, tape.new_values());
    });
}

// The Array over entries by their numbers, which array_entries() gave and nothing has invalidated since.
py::object of_entries(Tape& tape, const Positions& entries) {
    const Layout layout = layout_of(entries, "an Array");
    std::vector<Index> list;
    list.reserve(layout.size());
    for_each_offset(layout, 0, [&](std::ptrdiff_t k) { list.push_back(static_cast<Index>(entries.data()[k])); });
    EntrySet* const set = list.empty() ? tape.make_set(0, 0) : tape.make_set(std::move(list));
    return py::reinterpret_steal<py::object>(new_array(set, 0, Layout::contiguous(layout.lengths())));
}

// The entry of a Node; good until something is recorded.
Index entry_of_node(const py::object& node) {
    check_usable(handle_of(node.ptr()));
    return handle_of(node.ptr()).index;
}

}  // namespace

py::object filled(Tape& tape, std::span<const std::ptrdiff_t> shape, double number) {
    return constant_entries(tape, shape, [&](BlockOperand& x, std::size_t size) {
        x.number = number;
        std::fill_n(tape.new_values(), size, number);
    });
}

void add_array_making(py::module_& module) {
    module.def("_array_variables", variables_of, py::arg("tape"), py::arg("values"));
    module.def("_array_constants", constants_of, py::arg("tape"), py::arg("values"));
    module.def("_array_of_entries", of_entries, py::arg("tape"), py::arg("entries"));
    module.def(
        "_array_of_objects",
        [](const py::array& objects) -> py::object {
            const py::object array = array_of_objects(objects, nullptr);
            return array ? array : py::none();
        },
        py::arg("objects"), "The Array of a NumPy array of Nodes; None if there are others among the elements.");
    module.def("_entry_of_node", entry_of_node, py::arg("node"));
}

}  // namespace reelgrad::python
