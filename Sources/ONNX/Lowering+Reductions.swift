#if ONNX
  import AviaryTensors

  extension LoweredOperation {
    /// What makes one number of many.
    func reductions() throws(ONNXFault) -> [String]? {
      switch name {
      case "norm":
        switch try number("p") {
        case 1: return [try reduce("ReduceL1")]
        case 2: return [try reduce("ReduceL2")]
        case .infinity: return [try reduce("ReduceMax", of: emit("Abs", [try operand(0)]))]
        case -.infinity: return [try reduce("ReduceMin", of: emit("Abs", [try operand(0)]))]
        case let p:
          let powers = emit("Pow", [emit("Abs", [try operand(0)]), graph.number(p)])
          guard p != 0 else { throw refused("a norm with p = 0 counts elements") }
          return [emit("Pow", [try reduce("ReduceSum", of: powers), graph.number(1 / p)])]
        }
      case "variance":
        return [try variance()]
      case "standardDeviation":
        return [emit("Sqrt", [try variance()])]
      case "cumulativeSum":
        return [emit("CumSum", [try operand(0), graph.int64s([try integer("axis")], shape: [])])]
      case "sum": return [try reduce("ReduceSum")]
      case "mean": return [try reduce("ReduceMean")]
      case "max": return [try reduce("ReduceMax")]
      case "min": return [try reduce("ReduceMin")]
      case "product": return [try reduce("ReduceProd")]
      case "logSumExp": return [try reduce("ReduceLogSumExp")]
      default: return nil
      }
    }

    private func reduce(_ type: String, of x: String? = nil) throws(ONNXFault) -> String {
      let own = try operand(0)
      return try reduce(type, of: x ?? own, keepingAxes: flag("keepingAxes"))
    }

    private func reduce(_ type: String, of x: String, keepingAxes: Bool) throws(ONNXFault) -> String {
      let axes = try integers("axes")
      // Without axes ONNX reduces all.
      if axes.isEmpty { return emit("Identity", [x]) }
      return emit(type, [x, integers(axes)], ["keepdims": .int(keepingAxes ? 1 : 0)])
    }

    private func variance() throws(ONNXFault) -> String {
      let x = try operand(0)
      let difference = emit("Sub", [x, try reduce("ReduceMean", of: x, keepingAxes: true)])
      let mean = try reduce("ReduceMean", of: emit("Mul", [difference, difference]))
      let correction = try number("correction")
      if correction == 0 { return mean }
      let own = shape(0)
      let sizes = try integers("axes").map { own[$0]?.constant }
      let count = sizes.reduce(1 as Int?) { product, size in product.flatMap { a in size.map { a * $0 } } }
      guard let count else { throw refused("its correction depends on the size of the input") }
      return emit("Mul", [mean, graph.number(Float(count) / max(0, Float(count) - correction))])
    }
  }
#endif
