"""Draw one person in front of a room with OpenGL (hardware or Mesa's software renderer)."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import moderngl
import numpy as np

from . import chart, shaders
from .geometry import Camera, Pose, look_at, orthographic

SUPERSAMPLE = 1.5
SHADOW_SIZE_PX = 1024


@dataclass(frozen=True, slots=True)
class Light:
    """One directional light: direction towards it, linear RGB strength."""

    direction: tuple[float, float, float]
    strength: tuple[float, float, float]


@dataclass(frozen=True, slots=True)
class Lights:
    """The lamps of a room, with the ambient colour from above and below."""

    key: Light
    fill: Light
    rim: Light
    sky: tuple[float, float, float]
    ground: tuple[float, float, float]


def unit(vector: tuple[float, float, float]) -> tuple[float, ...]:
    """Return the vector scaled to length 1."""
    v = np.asarray(vector, float)
    return tuple(v / np.linalg.norm(v))


class Stage:
    """A GL context with one tile's frame buffer, the programs and the static textures."""

    def __init__(self, width_px: int, height_px: int, camera: Camera, lights: Lights) -> None:
        self.gl = moderngl.create_context(standalone=True, backend="egl")
        self.size = (round(width_px * SUPERSAMPLE), round(height_px * SUPERSAMPLE))
        self.tile_px = (width_px, height_px)
        self.camera, self.lights = camera, lights
        self.frame = self.gl.simple_framebuffer(self.size, components=3)
        self.shadow_map = self.gl.depth_texture((SHADOW_SIZE_PX, SHADOW_SIZE_PX))
        self.shadow_map.repeat_x = self.shadow_map.repeat_y = False
        self.shadow_map.compare_func = ""
        self.shadow_frame = self.gl.framebuffer(depth_attachment=self.shadow_map)
        self.programs = {
            name: self.gl.program(vertex_shader=vertex, fragment_shader=fragment)
            for name, vertex, fragment in (
                ("skin", shaders.SURFACE_VERTEX, shaders.SKIN),
                ("eye", shaders.SURFACE_VERTEX, shaders.EYE),
                ("plain", shaders.SURFACE_VERTEX, shaders.PLAIN),
                ("lash", shaders.SURFACE_VERTEX, shaders.LASH),
                ("cloth", shaders.SURFACE_VERTEX, shaders.CLOTH),
                ("hair", shaders.HAIR_VERTEX, shaders.HAIR),
                ("depth", shaders.DEPTH_VERTEX, shaders.DEPTH),
                ("room", shaders.BACKDROP_VERTEX, shaders.BACKDROP),
            )
        }
        self.textures: dict[str, moderngl.Texture] = {}
        self.draws: list[tuple[str, moderngl.VertexArray, int, dict]] = []
        self.casts: list[tuple[moderngl.VertexArray, int]] = []
        corners = np.array([-1, -1, 1, -1, -1, 1, 1, 1], "f4")
        self.room = self.gl.vertex_array(
            self.programs["room"], [(self.gl.buffer(corners), "2f", "in_pos")]
        )
        self._set_lights()

    def _set_lights(self) -> None:
        low = self.lights
        self.shadow_from_world = orthographic(23.0, 5.0, 95.0) @ look_at(
            np.array(unit(low.key.direction)) * 50, np.array([0.0, 0.0, 0.0])
        )
        values = {
            "u_eye": tuple(self.camera.eye_cm),
            "u_key_dir": unit(low.key.direction),
            "u_key": low.key.strength,
            "u_fill_dir": unit(low.fill.direction),
            "u_fill": low.fill.strength,
            "u_rim_dir": unit(low.rim.direction),
            "u_rim": low.rim.strength,
            "u_sky": low.sky,
            "u_ground": low.ground,
        }
        for program in self.programs.values():
            set_uniforms(program, values)
            write_matrix(program, "u_shadow_from_world", self.shadow_from_world)
            write_matrix(program, "u_clip_from_world", self.camera.clip_from_world())

    def texture(self, name: str, image: np.ndarray, repeat: bool = False) -> None:
        """Upload a picture (uint8 or float16, rows from v = 0) under a sampler name."""
        channels = 1 if image.ndim == 2 else image.shape[2]
        data = np.ascontiguousarray(image)
        kind = "f2" if image.dtype == np.float16 else "f1"
        size = image.shape[1::-1]
        texture = self.gl.texture(size, channels, data.tobytes(), alignment=1, dtype=kind)
        texture.build_mipmaps()
        texture.filter = (moderngl.LINEAR_MIPMAP_LINEAR, moderngl.LINEAR)
        texture.repeat_x = texture.repeat_y = repeat
        self.textures[name] = texture

    def buffer(self, data: np.ndarray) -> moderngl.Buffer:
        """Upload a float32 array."""
        return self.gl.buffer(np.ascontiguousarray(data, "f4").tobytes())

    def add(
        self,
        program: str,
        attributes: list[tuple[moderngl.Buffer, str, str]],
        indices: np.ndarray,
        uniforms: dict,
        *,
        mode: int = moderngl.TRIANGLES,
        casts: np.ndarray | None = None,
    ) -> None:
        """Register a mesh, drawn in the order of the calls; `casts` indexes its shadow."""
        index = self.gl.buffer(np.ascontiguousarray(indices, "i4").tobytes())
        known = [a for a in attributes if a[2] in self.programs[program]]
        array = self.gl.vertex_array(self.programs[program], known, index)
        self.draws.append((program, array, mode, uniforms))
        if casts is not None:
            position = [a for a in attributes if a[2] == "in_pos"]
            index = self.gl.buffer(np.ascontiguousarray(casts, "i4").tobytes())
            self.casts.append((self.gl.vertex_array(self.programs["depth"], position, index), mode))

    def set_pose(self, pose: Pose) -> None:
        """Move the person: head angles, pivot, body matrix and breath for all programs."""
        for program in self.programs.values():
            set_uniforms(
                program,
                {
                    "u_head_rad": tuple(pose.head_rad),
                    "u_pivot": tuple(pose.pivot_cm),
                    "u_breath": pose.breath,
                },
            )
            write_matrix(program, "u_body", pose.body)

    def render(self, shared: dict) -> np.ndarray:
        """Draw everything and return the tile, RGB uint8, supersampling resolved."""
        self.gl.enable(moderngl.DEPTH_TEST)
        self.gl.disable(moderngl.CULL_FACE)
        self.shadow_frame.use()
        self.shadow_frame.clear(depth=1.0)
        for array, mode in self.casts:
            array.render(mode)
        self.frame.use()
        self.frame.clear()
        self._bind_textures()
        self.room.render(moderngl.TRIANGLE_STRIP)
        for name, array, mode, uniforms in self.draws:
            set_uniforms(self.programs[name], shared | uniforms)
            array.render(mode)
        raw = np.frombuffer(self.frame.read(alignment=1), np.uint8)
        image = raw.reshape(self.size[1], self.size[0], 3)[::-1]
        return cv2.resize(image, self.tile_px, interpolation=cv2.INTER_AREA)

    def _bind_textures(self) -> None:
        slots = {"t_shadow": self.shadow_map} | self.textures
        for slot, (name, texture) in enumerate(slots.items()):
            texture.use(slot)
            for program in self.programs.values():
                if name in program:
                    program[name].value = slot

    def ambient_occlusion(self, points: np.ndarray, normals: np.ndarray, rounds: int) -> np.ndarray:
        """Bake each vertex's share of visible sky (0..1) from `rounds` shadow maps."""
        total = np.zeros(len(points))
        weight = np.full(len(points), 1e-6)
        for i in range(rounds):
            height = 1 - 2 * (i + 0.5) / rounds
            angle, ring = i * 2.39996, np.sqrt(1 - height**2)
            toward = np.array([ring * np.cos(angle), height, ring * np.sin(angle)])
            matrix = orthographic(19.0, 5.0, 95.0) @ look_at(toward * 50, np.zeros(3))
            cosine = np.maximum(normals @ toward, 0)
            total += cosine * self._sees(points + 0.12 * normals, matrix)
            weight += cosine
        write_matrix(self.programs["depth"], "u_shadow_from_world", self.shadow_from_world)
        return (total / weight).astype(np.float32)

    def _sees(self, points: np.ndarray, matrix: np.ndarray) -> np.ndarray:
        write_matrix(self.programs["depth"], "u_shadow_from_world", matrix)
        self.gl.enable(moderngl.DEPTH_TEST)
        self.shadow_frame.use()
        self.shadow_frame.clear(depth=1.0)
        for array, mode in self.casts:
            array.render(mode)
        depth = np.frombuffer(self.shadow_map.read(alignment=1), np.float32)
        depth = depth.reshape(SHADOW_SIZE_PX, SHADOW_SIZE_PX)
        clip = np.c_[points, np.ones(len(points))] @ matrix.T
        at = (clip[:, :2] * 0.5 + 0.5) * SHADOW_SIZE_PX
        col, row = np.clip(at.astype(int), 0, SHADOW_SIZE_PX - 1).T
        return (clip[:, 2] * 0.5 + 0.5) < depth[row, col] + 0.004


def set_uniforms(program: moderngl.Program, values: dict) -> None:
    """Set those uniforms that the program has."""
    for name, value in values.items():
        if name in program:
            program[name].value = value


def write_matrix(program: moderngl.Program, name: str, matrix: np.ndarray) -> None:
    """Write a row-major numpy matrix into a GLSL (column-major) uniform, if it exists."""
    if name in program:
        program[name].write(np.ascontiguousarray(matrix.T, "f4").tobytes())


def chart_extent_cm() -> tuple[float, float, float, float]:
    """Return the chart's origin and size, as the skin shader wants them."""
    return chart.LEFT_CM, chart.BOTTOM_CM, chart.WIDTH_CM, chart.HEIGHT_CM
