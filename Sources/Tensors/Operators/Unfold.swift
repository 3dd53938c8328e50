import AviaryDiagnostics

// Windows as columns, and columns as windows: what makes a convolution a product of matrices. Both over one to three axes.

/// The windows of [N, C, …] as columns: [N, C · elements of a window, windows]; im2col, and PyTorch's `unfold`, which knows
/// two axes only. Rows are ordered as those of a convolution's weight [O, C, …] flattened to [O, C · elements].
///
/// - Parameters:
///   - kernel: the sizes of a window. The other numbers, one for each axis too, are 1, 0 and 1 where they are not given.
///   - padding: zeros before and after each axis.
///   - dilation: how far apart the elements of a window are.
public func unfold(
  _ x: Tensor, kernel: [Int], stride: [Int]? = nil, padding: [Int]? = nil, dilation: [Int]? = nil
) -> Tensor {
  ensure(x.rank >= 3, "unfold: \(x.shape) has no axes for windows")
  let windows = WindowColumns(
    "unfold", size: Array(x.shape.dropFirst(2)), kernel: kernel, stride: stride, padding: padding, dilation: dilation)
  let (images, channels) = (x.shape[0], x.shape[1])
  let shape = [images, channels * windows.elements, windows.count]
  let padded = x.padded(windows.padding.map { ($0, $0) })
  return padded.taking(rows: windows.places(planes: images * channels), width: 1, shape: shape)
}

/// Columns [N, C · elements of a window, windows] added up where their windows lie: [N, C, size…]; col2im, and PyTorch's
/// `fold`. It is the pullback of `unfold` with the same numbers, not its inverse: where windows overlap, elements add up.
///
/// - Parameter size: the sizes of the axes that the windows were taken from, without padding.
public func fold(
  _ columns: Tensor, size: [Int], kernel: [Int], stride: [Int]? = nil, padding: [Int]? = nil, dilation: [Int]? = nil
) -> Tensor {
  let windows = WindowColumns(
    "fold", size: size, kernel: kernel, stride: stride, padding: padding, dilation: dilation)
  ensure(
    columns.rank == 3 && columns.shape[1] % windows.elements == 0 && columns.shape[2] == windows.count,
    "fold: \(columns.shape) is not the \(windows.count) windows of \(windows.elements) elements that \(size) has")
  let (images, channels) = (columns.shape[0], columns.shape[1] / windows.elements)
  let whole = columns.placing(
    rows: windows.places(planes: images * channels), width: 1, shape: [images, channels] + windows.padded)
  return size.indices.reduce(whole) { part, axis in
    part.slice(axis: axis + 2, from: windows.padding[axis], to: windows.padding[axis] + size[axis])
  }
}

private struct WindowColumns {
  let kernel: [Int]
  let stride: [Int]
  let padding: [Int]
  let dilation: [Int]
  /// The sizes of the axes with their padding, and how many windows each has.
  let padded: [Int]
  let counts: [Int]

  init(_ name: String, size: [Int], kernel: [Int], stride: [Int]?, padding: [Int]?, dilation: [Int]?) {
    let axes = size.count
    self.kernel = kernel
    self.stride = stride ?? Array(repeating: 1, count: axes)
    self.padding = padding ?? Array(repeating: 0, count: axes)
    self.dilation = dilation ?? Array(repeating: 1, count: axes)
    ensure(
      (1...3).contains(axes) && [kernel, self.stride, self.padding, self.dilation].allSatisfy { $0.count == axes }
        && (kernel + self.stride + self.dilation).allSatisfy { $0 > 0 } && self.padding.allSatisfy { $0 >= 0 },
      "\(name): axes of \(size) do not go with kernel \(kernel), stride \(self.stride), padding \(self.padding), "
        + "dilation \(self.dilation)")
    padded = zip(size, self.padding).map { $0 + 2 * $1 }
    var counts: [Int] = []
    for axis in 0..<axes {
      let room = padded[axis] - self.dilation[axis] * (kernel[axis] - 1) - 1
      ensure(room >= 0, "\(name): axes of \(size) are smaller than the window of \(kernel)")
      counts.append(room / self.stride[axis] + 1)
    }
    self.counts = counts
  }

  /// Elements of a window, and windows of a plane.
  var elements: Int { kernel.reduce(1, *) }
  var count: Int { counts.reduce(1, *) }

  /// Where the elements of the columns lie in padded planes.
  func places(planes: Int) -> [Int32] {
    let strides = rowMajorStrides(padded)
    func offsets(_ sizes: [Int], _ steps: [Int]) -> [Int32] {
      sizes.indices.reduce([0]) { starts, axis in
        starts.flatMap { start in (0..<sizes[axis]).map { start + Int32($0 * steps[axis] * strides[axis]) } }
      }
    }
    let (within, starts) = (offsets(kernel, dilation), offsets(counts, stride))
    let plane = padded.reduce(1, *)
    ensure(planes * plane <= Int(Int32.max), "\(planes) planes of \(padded) are more elements than indices can name")
    var places: [Int32] = []
    places.reserveCapacity(planes * within.count * starts.count)
    for number in 0..<planes {
      for element in within {
        let start = Int32(number * plane) + element
        for window in starts { places.append(start + window) }
      }
    }
    return places
  }
}
