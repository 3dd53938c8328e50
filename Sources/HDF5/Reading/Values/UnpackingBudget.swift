import Synchronization

/// What the datasets of a file may cost together. It refuses no dataset to who reads it alone: a program that wants them
/// all asks which ones to keep in memory, and how much work they may be.
final class UnpackingBudget: Sendable {
  private struct State {
    var memory = 0
    var work: Int
    /// Addresses of datasets that are charged: one may have many names.
    var kept: Set<UInt64> = []
    var worked: Set<UInt64> = []
  }

  /// Unpacked bytes of all datasets together.
  let workLimit: Int
  private let memoryLimit: Int
  private let state: Mutex<State>

  init(fileSize: Int) {
    let justified = fileSize.times(HDF5Reader.ratioLimit) ?? .max
    workLimit = max(HDF5Reader.totalLimit, justified)
    memoryLimit = min(HDF5Reader.totalLimit, max(HDF5Reader.unstoredLimit, justified))
    state = Mutex(State(work: workLimit))
  }

  /// Whether `bytes` of memory are left for a dataset, which then has them; all together have `limit` bytes at most.
  func keeps(_ bytes: Int, of limit: Int, for object: DatasetObject) -> Bool {
    state.withLock { state in
      if bytes == 0 || state.kept.contains(object.address) { return true }
      guard bytes <= min(limit, memoryLimit) - state.memory else { return false }
      state.memory += bytes
      state.kept.insert(object.address)
      return true
    }
  }

  /// Charges the unpacking of `bytes`.
  func work(_ bytes: Int, for object: DatasetObject) throws(Flaw) {
    let isLeft = state.withLock { state in
      if state.worked.contains(object.address) { return true }
      guard bytes <= state.work else { return false }
      state.work -= bytes
      state.worked.insert(object.address)
      return true
    }
    guard isLeft else { throw .tooLarge(bytes: bytes, limit: workLimit) }
  }
}
