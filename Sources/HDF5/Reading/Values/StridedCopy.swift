import AviaryArchives

/// Copies the selected elements of a box, such as a chunk, to their places in the selection, in nested loops over runs of
/// bytes. Axes that are contiguous in both are joined into one run.
struct StridedCopy {
  private struct Loop {
    let count: Int
    /// Bytes from one iteration to the next.
    let source: Int
    let target: Int
  }

  /// Offsets of the first run.
  let source: Int
  let target: Int
  /// Bytes of a run.
  private(set) var run: Int
  /// From the innermost to the outermost.
  private var loops: [Loop] = []

  /// Whether the selected elements are contiguous.
  var isSingleRun: Bool { loops.isEmpty }

  /// `nil` where the box has no selected element.
  ///
  /// - Parameters:
  ///   - origin: the position of the box in the dataset.
  ///   - extents: the extents of the box as stored.
  ///   - inside: the extents of the part of the box that is within the dataset.
  ///   - element: the bytes of an element.
  init?(_ slab: Hyperslab, origin: [Int], extents: [Int], inside: [Int], element: Int) {
    run = element
    var (sourceStep, targetStep) = (element, element)
    var (source, target) = (0, 0)
    var isJoining = true
    for axis in extents.indices.reversed() {
      let selected = slab.axes[axis]
      let (first, count) = selected.part(in: origin[axis]..<origin[axis] + inside[axis])
      guard count > 0 else { return nil }
      source += (selected[first] - origin[axis]) * sourceStep
      target += first * targetStep
      if count > 1 {
        let step = selected.stride * sourceStep
        if isJoining, step == run, targetStep == run {
          run *= count
        } else {
          isJoining = false
          loops.append(Loop(count: count, source: step, target: targetStep))
        }
      }
      // The products of all extents and of all counts are `Int`s, and so are these.
      if axis > 0 {
        sourceStep *= extents[axis]
        targetStep *= selected.count
      }
    }
    (self.source, self.target) = (source, target)
  }

  func copy(_ bytes: ByteRegion, to target: inout MutableSpan<UInt8>) {
    var (from, to) = (source, self.target)
    var turns = [Int](repeating: 0, count: loops.count)
    bytes.withUInt8s { bytes in
      while true {
        target.copy(run, of: bytes, from: from, to: to)
        var index = 0
        while index < loops.count {
          let loop = loops[index]
          turns[index] += 1
          from += loop.source
          to += loop.target
          if turns[index] < loop.count { break }
          from -= loop.source * loop.count
          to -= loop.target * loop.count
          turns[index] = 0
          index += 1
        }
        if index == loops.count { return }
      }
    }
  }
}
