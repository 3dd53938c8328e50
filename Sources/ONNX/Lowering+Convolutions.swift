#if ONNX
  import AviaryLayers
  import AviaryTensors

  extension LoweredOperation {
    /// Convolutions, pools and normalisations.
    func convolutions() throws(ONNXFault) -> [String]? {
      switch name {
      case "convolution":
        let x = try quantizedInput(0, weight: 1)
        let padding = try isCentered() ? Window.centered : ("pads", .ints(integers("padding") + integers("endPadding")))
        return [
          emit(
            "Conv", [x, try operand(1), try optional(2) ?? ""],
            [
              "kernel_shape": .ints(try integers("kernel")), "strides": .ints(try integers("stride")),
              "dilations": .ints(try integers("dilation")), padding.name: padding.value,
              "group": .int(try integer("groups")),
            ])
        ]
      case "transposedConvolution":
        let padding = try integers("padding")
        return [
          emit(
            "ConvTranspose", [try operand(0), try operand(1), try optional(2) ?? ""],
            [
              "kernel_shape": .ints(try integers("kernel")), "strides": .ints(try integers("stride")),
              "dilations": .ints(try integers("dilation")), "pads": .ints(padding + padding),
              "output_padding": .ints(try integers("outputPadding")), "group": .int(try integer("groups")),
            ])
        ]
      case "maxPool":
        return [try maxPool(try operand(0))]
      case "minPool":
        return [emit("Neg", [try maxPool(emit("Neg", [try operand(0)]))])]
      case "averagePool":
        return [try averagePool()]
      case "adaptiveAveragePool":
        return [try adaptivePool(isMean: true)]
      case "adaptiveMaxPool":
        return [try adaptivePool(isMean: false)]
      case "batchNormalization":
        guard try !flag("training") else { throw refused("it works by the statistics of the batch") }
        // The operands are x, mean, variance, scale and shift.
        let operands = try operands()
        return [
          emit(
            "BatchNormalization", [operands[0], operands[3], operands[4], operands[1], operands[2]],
            ["epsilon": .float(try number("epsilon"))])
        ]
      case "layerNormalization":
        let shape = try integers("shape")
        let count = shape.reduce(1, *)
        var scale = try optional(1) ?? ""
        if scale.isEmpty { scale = try graph.numbers(Array(repeating: 1, count: count), shape: shape, "ones") }
        return [
          emit(
            "LayerNormalization", [try operand(0), scale, try optional(2) ?? ""],
            ["axis": .int(-shape.count), "epsilon": .float(try number("epsilon"))])
        ]
      case "groupNormalization":
        return [try groupNormalization()]
      case "localResponseNormalization":
        let size = try integer("size")
        // Of an even number of neighbors ONNX has one more behind, we before.
        let isEven = size % 2 == 0
        let x = try operand(0)
        let y = emit(
          "LRN", [isEven ? reversed(x, [1]) : x],
          [
            "size": .int(size), "alpha": .float(try number("alpha")), "beta": .float(try number("beta")),
            "bias": .float(try number("k")),
          ])
        return [isEven ? reversed(y, [1]) : y]
      default: return nil
      }
    }

    /// The input of a layer with weights of 8-bit integers, rounded to integers as the weights' scales were made for; else
    /// the input itself.
    func quantizedInput(_ number: Int, weight: Int) throws(ONNXFault) -> String {
      let x = try operand(number)
      guard graph.float == .float32, let quantization = value(weight)?.tensor?.quantization else { return x }
      let scale = graph.once("scale \(quantization.inputScale.bitPattern)") {
        graph.singles([quantization.inputScale], shape: [], "input_scale")
      }
      let zero = graph.zero(signed: quantization.inputIsSigned)
      // Layers that share an input share its integers.
      return graph.once("integers \(x) \(scale) \(zero)") {
        emit("DequantizeLinear", [emit("QuantizeLinear", [x, scale, zero]), scale, zero])
      }
    }

    /// The size of each spatial axis of the first operand and of the result, where they are fixed.
    private func spatialSizes() -> (input: [Int], output: [Int])? {
      let input = shape(0).dropFirst(2).compactMap { $0?.constant }
      let output = resultShape.dropFirst(2).compactMap { $0?.constant }
      return input.count == rank(0) - 2 && output.count == input.count ? (input, output) : nil
    }

    private struct Window {
      let kernel: [Int]
      let stride: [Int]
      let dilation: [Int]
      let low: [Int]
      /// As it was asked for.
      let high: [Int]
      /// What the last window reaches beyond the input.
      let reached: [Int]
      /// Whether the number of windows is rounded up, where sizes are not fixed.
      let isRoundedUp: Bool
      /// Whether the padding is what TensorFlow's rule gives for each size, so that `low` and `high` say nothing.
      var isCentered = false

      /// The attribute for TensorFlow's rule.
      static var centered: (name: String, value: NodeAttribute) { ("auto_pad", .text("SAME_UPPER")) }

      /// The attribute that pads.
      var padding: (name: String, value: NodeAttribute) { isCentered ? Self.centered : ("pads", .ints(low + reached)) }
    }

    /// Whether the padding varies with the size of the input, as `Padding.centered` does.
    ///
    /// - Throws: where it varies in another way, or in one that ONNX Runtime does not know: of dilated windows, and of such as
    ///   leave elements out.
    private func isCentered() throws(ONNXFault) -> Bool {
      let (before, after) = (try eachIntegers("padding"), try eachIntegers("endPadding"))
      guard zip(before, after).contains(where: { $0 != before[0] || $1 != after[0] }) else { return false }
      let (kernel, stride) = (try integers("kernel"), try integers("stride"))
      let isKnown =
        try integers("dilation").allSatisfy { $0 == 1 } && zip(kernel, stride).allSatisfy(>=)
        && lowering.trace.probes.indices.allSatisfy { number in
          let shape = lowering.trace.probes[number].trace.values[node.operands[0] ?? 0].shape
          return kernel.indices.allSatisfy { axis in
            let windows = Padding.centered.windows(
              axis: axis, size: shape[axis + 2], reach: kernel[axis], stride: stride[axis])
            return before[number][axis] == windows.before && after[number][axis] == windows.after
          }
        }
      guard isKnown else { throw refused("its padding depends on the size of the input") }
      return true
    }

    private func window() throws(ONNXFault) -> Window {
      let (kernel, stride, dilation) = (try integers("kernel"), try integers("stride"), try integers("dilation"))
      if try isCentered() {
        let none = kernel.map { _ in 0 }
        return Window(
          kernel: kernel, stride: stride, dilation: dilation, low: none, high: none, reached: none, isRoundedUp: false,
          isCentered: true)
      }
      let (low, high) = (try integers("padding"), try integers("endPadding"))
      guard let sizes = spatialSizes() else {
        return Window(
          kernel: kernel, stride: stride, dilation: dilation, low: low, high: high, reached: high,
          isRoundedUp: try text("rounding") == "up")
      }
      let reached = kernel.indices.map { axis in
        let reach = (kernel[axis] - 1) * dilation[axis] + 1
        return max(high[axis], (sizes.output[axis] - 1) * stride[axis] + reach - sizes.input[axis] - low[axis])
      }
      return Window(
        kernel: kernel, stride: stride, dilation: dilation, low: low, high: high, reached: reached, isRoundedUp: false)
    }

    private func maxPool(_ x: String) throws(ONNXFault) -> String {
      // The window may be the whole of an axis that varies.
      if try kernelVaries() { return try wholePool(x, "ReduceMax") }
      let window = try window()
      return emit(
        "MaxPool", [x],
        [
          "kernel_shape": .ints(window.kernel), "strides": .ints(window.stride), "dilations": .ints(window.dilation),
          window.padding.name: window.padding.value, "ceil_mode": .int(window.isRoundedUp ? 1 : 0),
        ])
    }

    private func kernelVaries() throws(ONNXFault) -> Bool {
      let kernels = try eachIntegers("kernel")
      return kernels.contains { $0 != kernels[0] }
    }

    /// A pool whose window is the whole input.
    private func wholePool(_ x: String, _ type: String) throws(ONNXFault) -> String {
      let traces = lowering.trace.probes.map(\.trace)
      let kernels = try eachIntegers("kernel")
      let padding = try integers("padding") + integers("endPadding")
      let isWhole = zip(traces, kernels).allSatisfy { trace, kernel in
        trace.values[node.operands[0] ?? 0].shape.dropFirst(2).elementsEqual(kernel)
      }
      guard isWhole, padding.allSatisfy({ $0 == 0 }) else {
        throw refused("its window depends on the size of the input")
      }
      return emit(type, [x, integers(Array(2..<rank(0)))], ["keepdims": .int(1)])
    }

    private func averagePool() throws(ONNXFault) -> String {
      let x = try operand(0)
      if try kernelVaries() { return try wholePool(x, "ReduceMean") }
      let window = try window()
      let counts = try flag("countingPadding")
      guard counts, window.reached != window.high else {
        return emit(
          "AveragePool", [x],
          [
            "kernel_shape": .ints(window.kernel), "strides": .ints(window.stride),
            window.padding.name: window.padding.value, "ceil_mode": .int(window.isRoundedUp ? 1 : 0),
            "count_include_pad": .int(counts ? 1 : 0),
          ])
      }
      // What a window reaches beyond the padding does not count.
      let padded = emit("Pad", [x, integers([0, 0] + window.low + [0, 0] + window.high)])
      return emit(
        "AveragePool", [padded],
        [
          "kernel_shape": .ints(window.kernel), "strides": .ints(window.stride),
          "pads": .ints(window.low.map { _ in 0 } + zip(window.reached, window.high).map { $0 - $1 }),
          "count_include_pad": .int(0),
        ])
    }

    /// Pools of windows that are chosen so that the result has a certain size.
    private func adaptivePool(isMean: Bool) throws(ONNXFault) -> String {
      let x = try operand(0)
      let output = try integers("output")
      if output.allSatisfy({ $0 == 1 }) {
        return emit(
          isMean ? "ReduceMean" : "ReduceMax", [x, integers(Array(2..<rank(0)))], ["keepdims": .int(1)])
      }
      guard let input = spatialSizes()?.input else {
        throw refused("its windows depend on the size of the input")
      }
      let sizes = zip(input, output)
      if sizes.allSatisfy({ $0 % $1 == 0 }) {
        let kernel = sizes.map { $0 / $1 }
        return emit(isMean ? "AveragePool" : "MaxPool", [x], ["kernel_shape": .ints(kernel), "strides": .ints(kernel)])
      }
      // One axis after the other: the windows of an axis do not depend on those of the others.
      return output.indices.reduce(x) { part, axis in
        let windows = (0..<output[axis]).map {
          ($0 * input[axis] / output[axis], (($0 + 1) * input[axis] + output[axis] - 1) / output[axis])
        }
        let place = integers([axis + 2])
        let pooled = windows.map { window in
          let slice = emit("Slice", [part, integers([window.0]), integers([window.1]), place])
          return emit(isMean ? "ReduceMean" : "ReduceMax", [slice, place], ["keepdims": .int(1)])
        }
        return emit("Concat", pooled, ["axis": .int(axis + 2)])
      }
    }

    private func groupNormalization() throws(ONNXFault) -> String {
      let x = try operand(0)
      let groups = try integer("groups")
      let apart = emit("Reshape", [x, integers([0, groups, -1])])
      let ones = try graph.numbers(Array(repeating: 1, count: groups), shape: [groups], "ones")
      let zeros = try graph.numbers(Array(repeating: 0, count: groups), shape: [groups], "zeros")
      let normal = emit(
        "InstanceNormalization", [apart, ones, zeros], ["epsilon": .float(try number("epsilon"))])
      var y = emit("Reshape", [normal, emit("Shape", [x])])
      let axes = Array(1..<max(1, rank(0) - 1))
      func perChannel(_ value: String) -> String { axes.isEmpty ? value : unsqueezed(value, axes) }
      if let scale = try optional(1) { y = emit("Mul", [y, perChannel(scale)]) }
      if let shift = try optional(2) { y = emit("Add", [y, perChannel(shift)]) }
      return y
    }
  }
#endif
