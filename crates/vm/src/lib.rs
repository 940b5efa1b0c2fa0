//! moor-vm.
