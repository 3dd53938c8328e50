/// The elements of a selection that lie side by side, in row-major order.
struct SelectionRuns {
  /// Elements from `offset` on, counted row by row through the extents.
  struct Run {
    let offset: Int
    let count: Int
  }

  private var listed: [Run] = []
  private var index = 0
  private var odometer: Odometer?

  /// - Parameter extents: of a dataset that the selection fits: see `ElementSelection.count(in:)`.
  /// - Throws: `Flaw.damage` where boxes overlap, `.tooMany` where they are too small.
  init(_ selection: ElementSelection, in extents: [Int]) throws(Flaw) {
    switch selection {
    case .none: break
    case .all: listed = [Run(offset: 0, count: extents.reduce(1, *))]
    case .regular(let axes): odometer = Odometer(axes, extents)
    case .boxes(let boxes): listed = try Self.runs(boxes, extents)
    }
  }

  private static func runs(_ boxes: [[ElementSelection.Axis]], _ extents: [Int]) throws(Flaw) -> [Run] {
    var runs: [Run] = []
    for box in boxes {
      var odometer = Odometer(box, extents)
      while let run = odometer.next() {
        guard runs.count < ElementSelection.runLimit else {
          throw .tooMany("runs in a selection", limit: ElementSelection.runLimit)
        }
        runs.append(run)
      }
    }
    runs.sort { $0.offset < $1.offset }
    guard zip(runs, runs.dropFirst()).allSatisfy({ $0.offset + $0.count <= $1.offset }) else {
      throw .damage("the boxes of a selection overlap")
    }
    return runs
  }

  /// The next run; `nil` at the end.
  mutating func next() -> Run? {
    if odometer != nil { return odometer?.next() }
    guard index < listed.count else { return nil }
    index += 1
    return listed[index - 1]
  }

  /// Runs of a regular selection: its axes counted as an odometer counts, the last one the fastest.
  private struct Odometer {
    private let axes: [ElementSelection.Axis]
    /// Elements from one index to the next, along each axis.
    private let steps: [Int]
    /// The axis that runs lie along; those after it are selected whole.
    private let inner: Int
    /// Positions along the axes up to `inner`, whose positions are runs.
    private var turns: [Int]
    private var isAtEnd = false
    private let runsInside: Int
    private let length: Int

    init(_ axes: [ElementSelection.Axis], _ extents: [Int]) {
      self.axes = axes
      var steps = Array(repeating: 1, count: extents.count)
      for axis in extents.indices.dropLast().reversed() { steps[axis] = steps[axis + 1] * extents[axis + 1] }
      self.steps = steps
      var inner = axes.count - 1
      while inner > 0, axes[inner].isContiguous, axes[inner].elements == extents[inner] { inner -= 1 }
      self.inner = inner
      let axis = axes[inner]
      runsInside = axis.isContiguous ? 1 : axis.count
      length = steps[inner] * (axis.isContiguous ? axis.elements : axis.block)
      turns = Array(repeating: 0, count: inner + 1)
    }

    mutating func next() -> Run? {
      if isAtEnd { return nil }
      var offset = (axes[inner].start + turns[inner] * axes[inner].stride) * steps[inner]
      for axis in 0..<inner { offset += axes[axis][turns[axis]] * steps[axis] }
      var axis = inner
      while axis >= 0 {
        turns[axis] += 1
        if turns[axis] < (axis == inner ? runsInside : axes[axis].elements) { break }
        turns[axis] = 0
        axis -= 1
      }
      isAtEnd = axis < 0
      return Run(offset: offset, count: length)
    }
  }
}
