import AviaryPlatform
import Synchronization

/// A file whose bytes are read whenever they are asked for.
final class PiecewiseFile: Sendable {
  private struct State {
    var fault: ArchiveFault?
    /// The last piece that was read, which small fields are taken from.
    var piece = ByteRegion([])
    var offset = 0
  }

  private static let pieceSize = 4 << 20
  /// Fields are read with what follows them.
  private static let aheadSize = 64 << 10

  private let descriptor: Int32
  private let count: Int
  private let path: String
  private let state = Mutex(State())

  /// Takes over `descriptor`, which is open for reading.
  init(_ descriptor: Int32, count: Int, path: String) {
    self.descriptor = descriptor
    self.count = count
    self.path = path
  }

  deinit { close(descriptor) }

  /// What went wrong first; zeros stand for bytes that could not be read.
  var fault: ArchiveFault? { state.withLock { $0.fault } }

  var bytes: ByteRegion {
    ByteRegion(DeferredBytes(count: count, pieceSize: Self.pieceSize) { self.bytes(in: $0) })
  }

  private func bytes(in range: Range<Int>) -> ByteRegion {
    if range.count >= Self.aheadSize { return read(range) }
    return state.withLock { state -> ByteRegion? in
      state.piece.part(from: range.lowerBound - state.offset, count: range.count)
    } ?? ahead(range)
  }

  private func ahead(_ range: Range<Int>) -> ByteRegion {
    let piece = read(range.lowerBound..<min(count, range.lowerBound + Self.aheadSize))
    state.withLock { ($0.piece, $0.offset) = (piece, range.lowerBound) }
    return piece.part(from: 0, count: range.count) ?? piece
  }

  private func read(_ range: Range<Int>) -> ByteRegion {
    ByteRegion(
      unsafe Memory(count: range.count) { target in
        var done = 0
        while done < target.count {
          let got = unsafe pread(
            descriptor, target.baseAddress! + done, target.count - done, off_t(range.lowerBound + done))
          if got < 0 && errno == EINTR { continue }
          if got <= 0 {
            let fault: ArchiveFault =
              got < 0
              ? .system(path: path, operation: "read", reason: MappedFile.lastReason())
              : .truncated(path: path, part: "the file", needed: count, available: range.lowerBound + done)
            state.withLock { $0.fault = $0.fault ?? fault }
            unsafe UnsafeMutableRawBufferPointer(rebasing: target[done...])
              .initializeMemory(as: UInt8.self, repeating: 0)
            return
          }
          done += got
        }
      })
  }
}
