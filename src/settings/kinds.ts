import Type from 'typebox'
import type { SettingExtras } from '../lib/env.ts'

/** The kinds of setting; each table in this folder is made of them. */
export const text = (options: { description: string; default?: string } & SettingExtras) => Type.String(options)
export const optional = (options: { description: string } & SettingExtras) => Type.Optional(Type.String(options))
export const list = (description: string, extras: SettingExtras = {}) =>
  Type.Array(Type.String(), { default: [], description, ...extras })
export const seconds = (options: { default: number; minimum: number; maximum: number; description: string }) =>
  Type.Integer({ ...options, unit: 'seconds' })
export const count = (options: { default: number; minimum: number; maximum: number; description: string }) =>
  Type.Integer(options)
export const choice = <T extends string[]>(values: [...T], fallback: T[number], description: string) =>
  Type.Enum(values, { default: fallback, description })
