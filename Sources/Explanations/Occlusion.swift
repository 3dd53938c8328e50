import AviaryTensors

extension Explainer {
  /// How much the output falls when a window of the input is covered (Zeiler & Fergus, 2013), [N, …] → [N, …]: each number
  /// gets the mean over all windows that cover it.
  ///
  /// Windows slide from the beginning of each axis; the last is cut where the axis ends, as Captum's.
  /// - Parameters:
  ///   - window: its size along each axis of an input without N: `[3, 16, 16]`.
  ///   - stride: how far it slides each time, along each axis; as far as it is wide, if nil.
  ///   - baseline: what covers: [N, …], or [1, …] for all inputs; zeros if nil.
  ///   - x: the inputs, [N, …].
  ///   - target: the outputs to explain.
  public func occlusion(
    _ x: Tensor, _ target: Target = .highest, window: [Int], stride: [Int]? = nil, baseline: Tensor? = nil
  ) throws(ExplanationFault) -> Tensor {
    let extents = Array(x.shape.dropFirst())
    let stride = stride ?? window
    guard window.count == extents.count, stride.count == extents.count,
      zip(window, extents).allSatisfy({ $0 >= 1 && $0 <= $1 }), zip(stride, window).allSatisfy({ $0 >= 1 && $0 <= $1 })
    else { throw .window(window, stride: stride, input: extents) }
    let cover = try full(baseline, for: x)
    let chosen = try chosen(target, for: x)
    let values = try values(x, chosen)
    let windows = Self.windows(extents, window, stride)
    var place = 0
    return try oneByOne(x, chosen) { input, output throws(ExplanationFault) in
      let covering = cover.slice(axis: 0, from: place, to: place + 1).scalars
      let value = values[place]
      place += 1
      return try fall(input, output, from: value, windows, covering)
    }
  }

  private func fall(
    _ input: Tensor, _ output: Int, from value: Double, _ windows: [[Range<Int>]], _ covering: [Float]
  ) throws(ExplanationFault) -> Tensor {
    let scalars = input.scalars
    var sums = [Double](repeating: 0, count: scalars.count)
    var counts = sums
    for first in Swift.stride(from: 0, to: windows.count, by: max(1, batchSize)) {
      let some = windows[first..<min(windows.count, first + max(1, batchSize))]
      var covered: [Float] = []
      covered.reserveCapacity(some.count * scalars.count)
      for runs in some {
        let start = covered.count
        covered += scalars
        for run in runs {
          covered.replaceSubrange(start + run.lowerBound..<start + run.upperBound, with: covering[run])
        }
      }
      let inputs = Tensor(covered, shape: [some.count] + input.shape.dropFirst())
      for (runs, left) in zip(some, try values(inputs, some.map { _ in output })) {
        for place in runs.joined() {
          sums[place] += value - left
          counts[place] += 1
        }
      }
    }
    return Tensor(zip(sums, counts).map { Float($0 / $1) }, shape: input.shape)
  }

  /// The places of each window in row-major order, as runs along the last axis.
  private static func windows(_ extents: [Int], _ window: [Int], _ stride: [Int]) -> [[Range<Int>]] {
    // Along each axis, what each window covers.
    let spans = extents.indices.map { axis in
      let steps = (extents[axis] - window[axis] + stride[axis] - 1) / stride[axis]
      return (0...steps).map { $0 * stride[axis]..<min($0 * stride[axis] + window[axis], extents[axis]) }
    }
    var windows: [[Range<Int>]] = [[0..<1]]
    for (extent, spans) in zip(extents, spans) {
      windows = windows.flatMap { runs in
        spans.map { span in
          runs.joined().map { $0 * extent + span.lowerBound..<$0 * extent + span.upperBound }
        }
      }
    }
    return windows
  }
}
