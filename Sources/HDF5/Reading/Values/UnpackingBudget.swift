import Synchronization

/// The bytes that all datasets of a file may take once unpacked or converted. Each dataset counts once.
final class UnpackingBudget: Sendable {
  private struct State {
    var left: Int
    /// Addresses that may be reserved, with memory behind them or without.
    var unreserved = HDF5Reader.totalLimit
    /// By the address of the dataset, which may be looked up again and again.
    var charged: [UInt64: Int] = [:]
    var reserved: [UInt64: Int] = [:]
  }

  private let limit: Int
  private let state: Mutex<State>

  init(fileSize: Int) {
    let justified = fileSize.times(HDF5Reader.ratioLimit) ?? .max
    limit = min(HDF5Reader.totalLimit, max(HDF5Reader.unstoredLimit, justified))
    state = Mutex(State(left: limit))
  }

  /// Charges bytes of memory, and the size of the region that they are a part of.
  func charge(_ bytes: Int, reserving size: Int? = nil, for object: DatasetObject) throws(Flaw) {
    let size = size ?? bytes
    let isReserved = state.withLock { state in
      let more = size - (state.reserved[object.address] ?? 0)
      if more <= 0 { return true }
      guard more <= state.unreserved else { return false }
      state.unreserved -= more
      state.reserved[object.address] = size
      return true
    }
    guard isReserved else { throw .tooLarge(bytes: size, limit: HDF5Reader.totalLimit) }
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
