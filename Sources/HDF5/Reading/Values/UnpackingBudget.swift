import Synchronization

/// The bytes that all datasets of a file may take once unpacked or converted. Each dataset counts once.
final class UnpackingBudget: Sendable {
  private struct State {
    var left: Int
    /// By the address of the dataset, which may be looked up again and again.
    var charged: [UInt64: Int] = [:]
  }

  private let limit: Int
  private let state: Mutex<State>

  init(fileSize: Int) {
    let justified = fileSize.times(HDF5Reader.ratioLimit) ?? .max
    limit = min(HDF5Reader.totalLimit, max(16 * HDF5Reader.unstoredLimit, justified))
    state = Mutex(State(left: limit))
  }

  func charge(_ bytes: Int, for object: DatasetObject) throws(Flaw) {
    let isCovered = state.withLock { state in
      let more = bytes - (state.charged[object.address] ?? 0)
      if more <= 0 { return true }
      guard more <= state.left else { return false }
      state.left -= more
      state.charged[object.address] = bytes
      return true
    }
    guard isCovered else { throw .tooLarge(bytes: bytes, limit: limit) }
  }
}
