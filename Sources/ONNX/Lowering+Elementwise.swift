#if ONNX
  import AviaryTensors

  extension LoweredOperation {
    /// Functions of single elements, and of pairs of them.
    func elementwise() throws(ONNXFault) -> [String]? {
      switch name {
      case "affine":
        let (scale, shift) = (try number("scale"), try number("shift"))
        let x = try operand(0)
        let scaled = scale == 1 ? x : emit("Mul", [x, graph.number(scale)])
        return [shift == 0 ? scaled : emit("Add", [scaled, graph.number(shift)])]
      case "squared":
        let x = try operand(0)
        return [emit("Mul", [x, x])]
      case "clamped":
        return [try clip()]
      case "hardTanh":
        return [try clip()]
      case "leakyRelu":
        return [emit("LeakyRelu", [try operand(0)], ["alpha": .float(try number("slope"))])]
      case "elu":
        return [emit("Elu", [try operand(0)], ["alpha": .float(try number("alpha"))])]
      case "hardSigmoid":
        return [emit("HardSigmoid", [try operand(0)], ["alpha": .float(try number("slope")), "beta": .float(0.5)])]
      case "gelu":
        return [try gelu()]
      case "silu":
        let x = try operand(0)
        return [emit("Mul", [x, emit("Sigmoid", [x])])]
      case "prelu":
        let slope = try operand(1)
        let axes = Array(1..<max(1, rank(0) - 1))
        let isSingle = value(1)?.shape == [1] || axes.isEmpty
        return [emit("PRelu", [try operand(0), isSingle ? slope : unsqueezed(slope, axes)])]
      case "pow":
        let exponent = try has("exponent") ? graph.number(number("exponent")) : operand(1)
        return [emit("Pow", [try operand(0), exponent])]
      case "rsqrt":
        return [emit("Reciprocal", [emit("Sqrt", [try operand(0)])])]
      case "log1p":
        return [emit("Log", [emit("Add", [try operand(0), graph.number(1)])])]
      case "expm1":
        return [emit("Sub", [emit("Exp", [try operand(0)]), graph.number(1)])]
      case "log2":
        return [emit("Mul", [emit("Log", [try operand(0)]), graph.number(1.442_695_04)])]
      case "log10":
        return [emit("Mul", [emit("Log", [try operand(0)]), graph.number(0.434_294_482)])]
      case "trunc":
        let x = try operand(0)
        return [emit("Mul", [emit("Sign", [x]), emit("Floor", [emit("Abs", [x])])])]
      case "erfc":
        return [emit("Sub", [graph.number(1), emit("Erf", [try operand(0)])])]
      case "remainder":
        let (a, b) = (try operand(0), try operand(1))
        return [emit("Sub", [a, emit("Mul", [b, emit("Floor", [emit("Div", [a, b])])])])]
      case "less":
        return [floats(emit("Less", try operands()))]
      case "lessOrEqual":
        return [floats(emit("LessOrEqual", try operands()))]
      case "equal":
        return [floats(emit("Equal", try operands()))]
      case "keep":
        return [emit("Where", [truth(try operand(1)), try operand(0), graph.number(0)])]
      case "replacing":
        return [emit("Where", [truth(try operand(2)), try operand(1), try operand(0)])]
      case "softmax":
        return [emit("Softmax", [try operand(0)], ["axis": .int(try integer("axis"))])]
      case "logSoftmax":
        return [emit("LogSoftmax", [try operand(0)], ["axis": .int(try integer("axis"))])]
      case "zeros":
        return [emit("Expand", [graph.number(0), lowering.vector(try knownResult())])]
      default:
        guard let type = Self.plain[name] else { return nil }
        return [emit(type, try operands())]
      }
    }

    /// Operations that ONNX has under another name.
    private static let plain = [
      "relu": "Relu", "sigmoid": "Sigmoid", "tanh": "Tanh", "exp": "Exp", "log": "Log", "sqrt": "Sqrt", "abs": "Abs",
      "hardSwish": "HardSwish", "softplus": "Softplus", "softsign": "Softsign", "selu": "Selu", "sin": "Sin",
      "cos": "Cos", "tan": "Tan", "asin": "Asin", "acos": "Acos", "atan": "Atan", "sinh": "Sinh", "cosh": "Cosh",
      "asinh": "Asinh", "acosh": "Acosh", "atanh": "Atanh", "floor": "Floor", "ceil": "Ceil", "round": "Round",
      "sign": "Sign", "erf": "Erf", "reciprocal": "Reciprocal", "add": "Add", "subtract": "Sub", "multiply": "Mul",
      "divide": "Div", "maximum": "Max", "minimum": "Min",
    ]

    private func clip() throws(ONNXFault) -> String {
      let (low, high) = (try number("low"), try number("high"))
      return emit(
        "Clip",
        [try operand(0), low == -.infinity ? "" : graph.number(low), high == .infinity ? "" : graph.number(high)])
    }

    private func gelu() throws(ONNXFault) -> String {
      let x = try operand(0)
      let inner: String
      if try text("approximation") == "tanh" {
        let cube = emit("Mul", [emit("Mul", [x, x]), x])
        let sum = emit("Add", [x, emit("Mul", [cube, graph.number(0.044715)])])
        inner = emit("Tanh", [emit("Mul", [sum, graph.number(0.797_884_56)])])
      } else {
        inner = emit("Erf", [emit("Mul", [x, graph.number(0.707_106_78)])])
      }
      return emit("Mul", [emit("Mul", [x, emit("Add", [inner, graph.number(1)])]), graph.number(0.5)])
    }
  }
#endif
