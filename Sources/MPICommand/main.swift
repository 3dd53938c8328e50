import AviaryCommands
import AviaryMPI
import COutOfMemory

om_end_program_without_memory()
ParallelCommand.main(MPIJob())

/// The job that `mpirun` has started.
struct MPIJob: ParallelJob {
  func start(timeout: Double?) throws -> any JobGroup { try MPIGroup.start(timeout: timeout) }
}

extension MPIGroup: JobGroup {}
