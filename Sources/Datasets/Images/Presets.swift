extension Preprocessing {
  /// The usual ways of preparing images, by name.
  public enum Preset: String, Sendable, CaseIterable {
    /// The preparations of these names: see `Preprocessing.preset`.
    case torchvision, caffe, tensorflow, unit, raw
  }

  /// The preset for a network whose input has sides of `size` pixels.
  public static func preset(_ preset: Preset, size: Int) -> Preprocessing {
    switch preset {
    case .torchvision: .torchvision(size: size)
    case .caffe: .caffe(size: size)
    case .tensorflow: .tensorflow(size: size)
    case .unit: .unit(size: size)
    case .raw: .raw(size: size)
    }
  }

  /// torchvision's evaluation transform: shorter side 256 for an input of 224 (and in that proportion), centre crop,
  /// 0 to 1, ImageNet's mean and deviation.
  public static func torchvision(size: Int = 224) -> Preprocessing {
    Preprocessing(
      resize: .shorterSide(Int((256 * Double(size) / 224).rounded())), crop: .square(size), scale: 1 / 255,
      mean: [0.485, 0.456, 0.406], standardDeviation: [0.229, 0.224, 0.225])
  }

  /// Caffe's and the first Keras's: shorter side 256 for an input of 227 (and in that proportion), centre crop, BGR,
  /// 0 to 255 less ImageNet's mean.
  public static func caffe(size: Int = 227) -> Preprocessing {
    Preprocessing(
      resize: .shorterSide(Int((256 * Double(size) / 227).rounded())), crop: .square(size), channels: .bgr, scale: 1,
      mean: [103.939, 116.779, 123.68], standardDeviation: [1, 1, 1])
  }

  /// TensorFlow's: resized without regard to proportion, -1 to 1.
  public static func tensorflow(size: Int = 224) -> Preprocessing {
    Preprocessing(
      resize: .exact(.square(size)), scale: 1 / 127.5, mean: [1, 1, 1], standardDeviation: [1, 1, 1])
  }

  /// Resized without regard to proportion, 0 to 1.
  public static func unit(size: Int = 224) -> Preprocessing {
    Preprocessing(resize: .exact(.square(size)), scale: 1 / 255, mean: [0, 0, 0], standardDeviation: [1, 1, 1])
  }

  /// Resized without regard to proportion, 0 to 255.
  public static func raw(size: Int = 224) -> Preprocessing {
    Preprocessing(resize: .exact(.square(size)), scale: 1, mean: [0, 0, 0], standardDeviation: [1, 1, 1])
  }
}

extension ImageSize {
  /// Both sides the same.
  public static func square(_ side: Int) -> ImageSize { ImageSize(height: side, width: side) }
}
